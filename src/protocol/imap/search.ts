/** The keys of SEARCH (RFC 9051 section 6.4.4, RFC 7162 MODSEQ, RFC 5032 WITHIN) as a tree. */
import { decodeCharset, isKnownCharset } from '../mime/charset.ts';
import { DAY, parseDate } from './date.ts';
import type { Scanner } from './scanner.ts';
import { parseSequenceSet, type SequenceSet } from './sequence-set.ts';
import { RefusedArgumentError } from './syntax-error.ts';

export type AddressField = 'from' | 'to' | 'cc' | 'bcc';

export type SearchKey =
  | { readonly kind: 'all' }
  | { readonly kind: 'flag'; readonly flag: string; readonly set: boolean }
  | { readonly kind: 'recent'; readonly set: boolean }
  | { readonly kind: 'sequence' | 'uid'; readonly set: SequenceSet }
  | { readonly kind: 'size'; readonly larger: boolean; readonly octets: number }
  /** From the first ms (inclusive) to the second (exclusive), of INTERNALDATE or Date:. */
  | { readonly kind: 'date'; readonly of: 'internal' | 'sent'; readonly from: number; readonly until: number }
  /** Age in seconds. */
  | { readonly kind: 'age'; readonly younger: boolean; readonly seconds: number }
  /** Texts are lower-case Unicode. HEADER: `field` in lower case; an empty text matches if the field exists. */
  | { readonly kind: 'header'; readonly field: string; readonly text: string }
  /** FROM, TO, CC and BCC search the envelope, where an address has one form however it was written. */
  | { readonly kind: 'address'; readonly field: AddressField; readonly text: string }
  | { readonly kind: 'subject'; readonly text: string }
  | { readonly kind: 'body' | 'text'; readonly text: string }
  | { readonly kind: 'modseq'; readonly from: number }
  | { readonly kind: 'not'; readonly key: SearchKey }
  | { readonly kind: 'and' | 'or'; readonly keys: readonly SearchKey[] };

/** At all levels together, since each key is evaluated for every message. */
const MAX_KEYS = 1000;

const flag = (name: string, set = true): SearchKey => ({ kind: 'flag', flag: name, set });
const UNBOUNDED = Number.POSITIVE_INFINITY;

interface Reader {
  readonly scanner: Scanner;
  /** Number of keys so far. */
  keys: number;
  /** Reads an astring as lower-case Unicode. */
  text(): string;
}

type KeyParser = (reader: Reader) => SearchKey;

const constant =
  (key: SearchKey): KeyParser =>
  () =>
    key;

const after =
  (parse: KeyParser): KeyParser =>
  (reader) => {
    reader.scanner.space();
    return parse(reader);
  };

const header = (field: string): KeyParser => after((reader) => ({ kind: 'header', field, text: reader.text() }));

const address = (field: AddressField): KeyParser =>
  after((reader) => ({ kind: 'address', field, text: reader.text() }));

const date = (of: 'internal' | 'sent', range: (day: number) => readonly [number, number]): KeyParser =>
  after(({ scanner }) => {
    const [from, until] = range(parseDate(scanner));
    return { kind: 'date', of, from, until };
  });
const before = (day: number): readonly [number, number] => [-UNBOUNDED, day];
const on = (day: number): readonly [number, number] => [day, day + DAY];
const since = (day: number): readonly [number, number] => [day, UNBOUNDED];

/** Seconds, at least one (RFC 5032). */
function interval(scanner: Scanner): number {
  const seconds = scanner.number();
  return seconds === 0 ? scanner.fail('An interval cannot be 0') : seconds;
}

const KEYS: ReadonlyMap<string, KeyParser> = new Map<string, KeyParser>([
  ['ALL', constant({ kind: 'all' })],
  ['ANSWERED', constant(flag('\\Answered'))],
  ['DELETED', constant(flag('\\Deleted'))],
  ['DRAFT', constant(flag('\\Draft'))],
  ['FLAGGED', constant(flag('\\Flagged'))],
  ['SEEN', constant(flag('\\Seen'))],
  ['UNANSWERED', constant(flag('\\Answered', false))],
  ['UNDELETED', constant(flag('\\Deleted', false))],
  ['UNDRAFT', constant(flag('\\Draft', false))],
  ['UNFLAGGED', constant(flag('\\Flagged', false))],
  ['UNSEEN', constant(flag('\\Seen', false))],
  ['RECENT', constant({ kind: 'recent', set: true })],
  ['OLD', constant({ kind: 'recent', set: false })],
  ['NEW', constant({ kind: 'and', keys: [{ kind: 'recent', set: true }, flag('\\Seen', false)] })],
  ['KEYWORD', after(({ scanner }) => flag(scanner.word('a keyword')))],
  ['UNKEYWORD', after(({ scanner }) => flag(scanner.word('a keyword'), false))],
  ['UID', after(({ scanner }) => ({ kind: 'uid', set: parseSequenceSet(scanner) }))],
  ['LARGER', after(({ scanner }) => ({ kind: 'size', larger: true, octets: scanner.number(Number.MAX_SAFE_INTEGER) }))],
  [
    'SMALLER',
    after(({ scanner }) => ({ kind: 'size', larger: false, octets: scanner.number(Number.MAX_SAFE_INTEGER) })),
  ],
  ['BEFORE', date('internal', before)],
  ['ON', date('internal', on)],
  ['SINCE', date('internal', since)],
  ['SENTBEFORE', date('sent', before)],
  ['SENTON', date('sent', on)],
  ['SENTSINCE', date('sent', since)],
  ['OLDER', after(({ scanner }) => ({ kind: 'age', younger: false, seconds: interval(scanner) }))],
  ['YOUNGER', after(({ scanner }) => ({ kind: 'age', younger: true, seconds: interval(scanner) }))],
  ['SUBJECT', after((reader) => ({ kind: 'subject', text: reader.text() }))],
  ['FROM', address('from')],
  ['TO', address('to')],
  ['CC', address('cc')],
  ['BCC', address('bcc')],
  ['HEADER', after((reader) => header(reader.scanner.astring().toLowerCase())(reader))],
  ['BODY', after((reader) => ({ kind: 'body', text: reader.text() }))],
  ['TEXT', after((reader) => ({ kind: 'text', text: reader.text() }))],
  ['MODSEQ', after(parseModseq)],
  ['NOT', after((reader) => ({ kind: 'not', key: reader.scanner.nested(() => parseKey(reader)) }))],
  [
    'OR',
    after((reader) => ({ kind: 'or', keys: reader.scanner.nested(() => [parseKey(reader), after(parseKey)(reader)]) })),
  ],
]);

/** `MODSEQ ["/flags/\\Seen" all] 123`: the entry is parsed but ignored; the message's mod-sequence is used. */
function parseModseq({ scanner }: Reader): SearchKey {
  if (scanner.sees('"')) {
    scanner.string();
    scanner.space();
    const type = scanner.keyword('shared, priv or all');
    if (type !== 'SHARED' && type !== 'PRIV' && type !== 'ALL') scanner.fail('Expected shared, priv or all');
    scanner.space();
  }
  return { kind: 'modseq', from: scanner.number(Number.MAX_SAFE_INTEGER) };
}

function parseKey(reader: Reader): SearchKey {
  const { scanner } = reader;
  reader.keys += 1;
  if (reader.keys > MAX_KEYS) scanner.fail(`More than ${MAX_KEYS} search keys`);
  if (scanner.sees('(')) return { kind: 'and', keys: scanner.list(() => parseKey(reader)) };
  if (/^[\d*]/.test(scanner.text.charAt(scanner.position))) return { kind: 'sequence', set: parseSequenceSet(scanner) };
  const name = scanner.keyword('a search key');
  const parse = KEYS.get(name);
  return parse === undefined ? scanner.fail(`Unknown search key ${name.slice(0, 40)}`) : parse(reader);
}

/**
 * `[CHARSET x] key key …` to the end of the command. The default charset is UTF-8, which includes US-ASCII.
 */
export function parseSearch(scanner: Scanner): SearchKey {
  let charset = 'utf-8';
  if (scanner.text.slice(scanner.position, scanner.position + 8).toUpperCase() === 'CHARSET ') {
    scanner.keyword();
    scanner.space();
    charset = scanner.astring();
    if (!isKnownCharset(charset)) throw new RefusedArgumentError('Unknown charset', 'BADCHARSET (US-ASCII UTF-8)');
    scanner.space();
  }
  const reader: Reader = {
    scanner,
    keys: 0,
    text: () => decodeCharset(Buffer.from(scanner.astring(), 'latin1'), charset).toLowerCase(),
  };
  const keys = [parseKey(reader)];
  while (!scanner.atEnd) {
    scanner.space();
    if (scanner.atEnd) break;
    keys.push(parseKey(reader));
  }
  const [only] = keys;
  return keys.length === 1 && only !== undefined ? only : { kind: 'and', keys };
}
