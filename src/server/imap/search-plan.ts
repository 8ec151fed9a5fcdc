/**
 * Plans a SEARCH: which rows have to be read, and the tests each has to pass, cheapest first.
 *
 * Flags, dates and sizes come from columns; addresses and texts of the usual fields from the prepared search column;
 * everything else reads the message (RFC 9051 section 6.4.4).
 */
import type { SearchFields } from '../../mail/message.ts';
import type { AddressField, SearchKey } from '../../protocol/imap/search.ts';
import { inRanges, intersectRanges, type Ranges, resolveSet } from '../../protocol/imap/sequence-set.ts';
import { parseAddressList } from '../../protocol/mime/address-list.ts';
import { searchableAddresses } from '../../protocol/mime/searchable-addresses.ts';
import type { MessageRow, RowColumns, TextKey } from '../../store/mailboxes.ts';
import type { MessageTexts } from './message-texts.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';

type Verdict = boolean | Promise<boolean>;

/** What tests look at: the columns that every message has, and the prepared texts if the plan asks for them. */
export type SearchRow = Pick<MessageRow, 'uid' | 'modseq' | 'flags' | 'internalDate' | 'size' | 'sentAt' | 'search'>;

interface Candidate {
  readonly row: SearchRow;
  /** Decoded texts, read when a test needs them; null for tests of columns. */
  readonly texts: MessageTexts | null;
}

export interface SearchPlan {
  /** UIDs outside these ranges need not be looked at. */
  readonly ranges: Ranges;
  /** Tests of the columns that every message has, which come first; null: all messages pass. */
  readonly narrow: ((row: SearchRow) => boolean) | null;
  /** Tests of texts that the store may have prepared, each with its key: only what the store cannot decide is read. */
  readonly textual: readonly TextualTest[];
  /** The other tests; null: all messages pass. */
  readonly test: ((candidate: Candidate) => Verdict) | null;
  readonly columns: RowColumns;
  /** The test may read messages, so verdicts may be promises. */
  readonly reads: boolean;
}

export interface TextualTest {
  readonly key: TextKey;
  readonly test: (candidate: Candidate) => Verdict;
}

/** Cost classes of a test, by what it reads: columns of the row, its search column, the header, the body. */
const COLUMN = 0;
const PREPARED = 1;
const HEADER = 2;
const BODY = 3;

interface Test {
  readonly cost: number;
  readonly passes: (candidate: Candidate) => Verdict;
}

const PREPARED_FIELDS = ['subject', 'from', 'to', 'cc', 'bcc'] as const;
const isPrepared = (field: string): field is (typeof PREPARED_FIELDS)[number] =>
  PREPARED_FIELDS.some((name) => name === field);

export function planSearch(key: SearchKey, mailbox: SelectedMailbox, now: number): SearchPlan {
  const compiler = new Compiler(mailbox, now);
  const keys = key.kind === 'and' ? key.keys : [key];
  let ranges: Ranges = mailbox.uids.length === 0 ? [] : [[1, mailbox.uids.last]];
  const tests: Test[] = [];
  const textual: TextualTest[] = [];
  for (const one of keys) {
    if (one.kind === 'all') continue;
    if (one.kind === 'uid' || one.kind === 'sequence') {
      ranges = intersectRanges(ranges, compiler.uids(one));
      continue;
    }
    const test = compiler.compile(one);
    const text = textKey(one);
    if (text === null) tests.push(test);
    else textual.push({ key: text, test: test.passes });
  }
  const cost = Math.max(0, ...tests.map((test) => test.cost));
  const cheap = tests.filter((test) => test.cost === COLUMN);
  const others = tests.filter((test) => test.cost > COLUMN);
  const narrow =
    cheap.length === 0 ? null : (row: SearchRow) => cheap.every(({ passes }) => passes({ row, texts: null }) === true);
  const test = others.length === 0 ? null : compiler.all(others).passes;
  const reads = cost >= HEADER || textual.some(({ key: { where } }) => where !== 'fields');
  return { ranges, narrow, textual, test, columns: { search: compiler.usesPrepared, root: reads }, reads };
}

/** Null for keys that are no text, or whose text is empty: those ask whether there is such a field. */
function textKey(key: SearchKey): TextKey | null {
  // White space in a subject counts as one blank, however much there is.
  if (key.kind === 'subject') return /^[^ \t\r\n]+$/.test(key.text) ? { where: 'fields', text: key.text } : null;
  if (key.kind === 'address') return key.text === '' ? null : { where: 'fields', text: key.text };
  if (key.kind === 'header' && isPrepared(key.field))
    return key.text === '' ? null : { where: 'fields', text: key.text };
  if (key.kind === 'body') return { where: 'body', text: key.text };
  if (key.kind === 'text') return { where: 'anywhere', text: key.text };
  if (key.kind !== 'header' || key.text === '' || !/^[!-9;-~]+$/.test(key.field)) return null;
  return { where: 'field', field: key.field, text: key.text };
}

class Compiler {
  readonly #mailbox: SelectedMailbox;
  readonly #now: number;
  usesPrepared = false;

  constructor(mailbox: SelectedMailbox, now: number) {
    this.#mailbox = mailbox;
    this.#now = now;
  }

  uids(key: Extract<SearchKey, { readonly kind: 'uid' | 'sequence' }>): Ranges {
    const { uids } = this.#mailbox;
    return key.kind === 'uid' ? resolveSet(key.set, uids.last) : uids.uidRanges(resolveSet(key.set, uids.length));
  }

  compile(key: SearchKey): Test {
    switch (key.kind) {
      case 'all':
        return column(() => true);
      case 'flag':
        return column(flagTest(key.flag, key.set));
      case 'recent':
        return column(({ uid }) => this.#mailbox.isRecent(uid) === key.set);
      case 'sequence':
      case 'uid': {
        const ranges = this.uids(key);
        return column(({ uid }) => inRanges(ranges, uid));
      }
      case 'size':
        return column(({ size }) => (key.larger ? size > key.octets : size < key.octets));
      case 'date': {
        const { from, until } = key;
        return column((row) => {
          const time = key.of === 'sent' ? row.sentAt : row.internalDate;
          return time !== null && time >= from && time < until;
        });
      }
      case 'age': {
        const limit = this.#now - key.seconds * 1000;
        return column(({ internalDate }) => (key.younger ? internalDate >= limit : internalDate <= limit));
      }
      case 'modseq':
        return column(({ modseq }) => modseq >= key.from);
      case 'header':
        return this.#header(key.field, key.text);
      case 'address':
        return this.#address(key.field, key.text);
      case 'subject':
        return this.#subject(key.text);
      case 'body':
        return { cost: BODY, passes: async ({ texts }) => (await read(texts).body()).includes(key.text) };
      case 'text':
        return { cost: BODY, passes: ({ texts }) => anywhere(read(texts), key.text) };
      case 'not': {
        const { cost, passes } = this.compile(key.key);
        return { cost, passes: (candidate) => negate(passes(candidate)) };
      }
      case 'and':
        return this.all(key.keys.map((one) => this.compile(one)));
      case 'or':
        return any(key.keys.map((one) => this.compile(one)));
    }
  }

  #header(field: string, text: string): Test {
    if (!isPrepared(field) || text === '') {
      return {
        cost: HEADER,
        passes: async ({ texts }) => (await read(texts).field(field)).some((value) => value.includes(text)),
      };
    }
    this.usesPrepared = true;
    return { cost: PREPARED, passes: ({ row }) => row.search?.[field].includes(text) === true };
  }

  #address(field: AddressField, text: string): Test {
    if (text === '') return this.#header(field, text);
    this.usesPrepared = true;
    return { cost: PREPARED, passes: ({ row }) => row.search !== undefined && hasAddress(row.search, field, text) };
  }

  /** Any run of white space counts as one space (in the key too). */
  #subject(text: string): Test {
    if (text === '') return this.#header('subject', text);
    const wanted = oneBlank(text);
    this.usesPrepared = true;
    return {
      cost: PREPARED,
      passes: ({ row }) => row.search !== undefined && oneBlank(row.search.subject).includes(wanted),
    };
  }

  all(tests: readonly Test[]): Test {
    const [cost, inOrder] = byCost(tests);
    return { cost, passes: (candidate) => until(inOrder, candidate, 0, false) };
  }
}

const oneBlank = (text: string): string => text.replace(/[ \t\r\n]+/g, ' ');

async function anywhere(texts: MessageTexts, text: string): Promise<boolean> {
  return (
    (await texts.wholeHeader()).includes(text) ||
    (await texts.body()).includes(text) ||
    (await texts.partHeaders()).includes(text)
  );
}

/** A message stored by an earlier version has only the raw field: its addresses are parsed from that. */
function hasAddress(search: SearchFields, field: AddressField, text: string): boolean {
  if (search.addresses !== undefined) return search.addresses[field].includes(text);
  return search[field].includes(text) || searchableAddresses(parseAddressList(search[field])).includes(text);
}

const any = (tests: readonly Test[]): Test => {
  const [cost, inOrder] = byCost(tests);
  return { cost, passes: (candidate) => until(inOrder, candidate, 0, true) };
};

function byCost(tests: readonly Test[]): readonly [number, readonly Test[]] {
  const sorted = [...tests].sort((a, b) => a.cost - b.cost);
  return [sorted.at(-1)?.cost ?? COLUMN, sorted];
}

/** Evaluates tests in order until one returns `end`. Stays synchronous as long as no test returns a promise. */
function until(tests: readonly Test[], candidate: Candidate, from: number, end: boolean): Verdict {
  for (let index = from; index < tests.length; index += 1) {
    const verdict = tests[index]?.passes(candidate) ?? !end;
    if (typeof verdict !== 'boolean')
      return verdict.then((value) => (value === end ? end : until(tests, candidate, index + 1, end)));
    if (verdict === end) return end;
  }
  return !end;
}

const negate = (verdict: Verdict): Verdict =>
  typeof verdict === 'boolean' ? !verdict : verdict.then((value) => !value);

/** Only plans with tests that read messages get here, and they are given the texts. */
function read(texts: MessageTexts | null): MessageTexts {
  if (texts === null) throw new Error('a test of columns cannot read the message');
  return texts;
}

const column = (passes: (row: SearchRow) => boolean): Test => ({ cost: COLUMN, passes: ({ row }) => passes(row) });

/** Keywords are compared case-insensitively. */
function flagTest(flag: string, set: boolean): (row: SearchRow) => boolean {
  if (flag.startsWith('\\')) return ({ flags }) => flags.includes(flag) === set;
  const key = flag.toLowerCase();
  return ({ flags }) => flags.some((one) => one.toLowerCase() === key) === set;
}
