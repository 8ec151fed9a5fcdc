/** SEARCH and UID SEARCH (RFC 9051 section 6.4.4) with RETURN (RFC 4731) and MODSEQ (RFC 7162 section 3.1.5). */
import { formatString } from '../../../protocol/imap/format.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { parseSearch, type SearchKey } from '../../../protocol/imap/search.ts';
import { formatSet } from '../../../protocol/imap/sequence-set.ts';
import type { Command } from '../command.ts';
import { type Completion, ok } from '../completion.ts';
import { readAhead } from '../message-octets.ts';
import { MessageTexts } from '../message-texts.ts';
import { planSearch } from '../search-plan.ts';
import type { Naming, SelectedMailbox } from '../selected-mailbox.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

interface Found {
  readonly uids: readonly number[];
  /** MODSEQ of the first, of the last, and the highest of all; 0 if not requested. */
  readonly modseqs: { readonly first: number; readonly last: number; readonly highest: number };
  /** Messages that the client still counts could not be searched: another session has expunged them. */
  readonly expunged: boolean;
}

const NO_MODSEQS: Found['modseqs'] = { first: 0, last: 0, highest: 0 };

type ReturnOption = 'MIN' | 'MAX' | 'COUNT' | 'ALL';
const RETURNS: readonly string[] = ['MIN', 'MAX', 'COUNT', 'ALL'] satisfies ReturnOption[];

/** Null: the response is SEARCH, not ESEARCH. */
function parseReturn(scanner: Scanner): ReadonlySet<string> | null {
  if (scanner.text.slice(scanner.position, scanner.position + 7).toUpperCase() !== 'RETURN ') return null;
  scanner.keyword();
  scanner.space();
  const names = scanner.list(
    () => {
      const name = scanner.keyword('a return option');
      return RETURNS.includes(name) ? name : scanner.fail(`Unknown return option ${name.slice(0, 40)}`);
    },
    { empty: true },
  );
  scanner.space();
  return new Set(names.length === 0 ? ['ALL'] : names);
}

const asksModseq = (key: SearchKey): boolean =>
  key.kind === 'modseq' ||
  (key.kind === 'not' && asksModseq(key.key)) ||
  ((key.kind === 'and' || key.kind === 'or') && key.keys.some(asksModseq));

async function find(session: Session, mailbox: SelectedMailbox, key: SearchKey, modseq: boolean): Promise<Found> {
  const { store, clock } = session.services;
  const { ranges, test, columns, reads } = planSearch(key, mailbox, clock());
  if (ranges.length === 0) return { uids: [], modseqs: NO_MODSEQS, expunged: false };
  if (test === null && !modseq) return { uids: [...mailbox.uids.within(ranges)], modseqs: NO_MODSEQS, expunged: false };
  const wanted = mailbox.uids.count(ranges);
  const uids: number[] = [];
  let first = 0;
  let last = 0;
  let highest = 0;
  let seen = 0;
  let gone = false;
  const unlessGone = async (verdict: boolean | Promise<boolean>, uid: number): Promise<boolean> => {
    try {
      return await verdict;
    } catch (error) {
      if (!(await mailbox.isGone(store.mailboxes, uid))) throw error;
      gone = true;
      return false;
    }
  };
  for await (const rows of store.mailboxes.rows(mailbox.id, ranges, columns)) {
    const known = rows.filter(({ uid }) => mailbox.uids.indexOf(uid) >= 0);
    seen += known.length;
    // Tests of columns are evaluated at once; tests that read messages run on a few messages at a time.
    for (const group of test === null || !reads ? [known] : readAhead(known, ({ size }) => size)) {
      const verdicts = test === null ? [] : group.map((row) => test({ row, texts: new MessageTexts(store, row) }));
      const passed = reads
        ? await Promise.all(verdicts.map((verdict, index) => unlessGone(verdict, group[index]?.uid ?? 0)))
        : verdicts;
      for (const [index, { uid, modseq: own }] of group.entries()) {
        if (passed[index] === false) continue;
        if (uids.length === 0) first = own;
        last = own;
        if (own > highest) highest = own;
        uids.push(uid);
      }
    }
    if (session.connection.signal.aborted) break;
  }
  return { uids, modseqs: modseq ? { first, last, highest } : NO_MODSEQS, expunged: gone || seen < wanted };
}

/** The MODSEQ for the messages whose numbers are returned (RFC 7162 section 3.1.5). */
function esearchModseq(wanted: ReadonlySet<string>, { first, last, highest }: Found['modseqs']): number {
  if (wanted.has('ALL') || wanted.has('COUNT')) return highest;
  return Math.max(wanted.has('MIN') ? first : 0, wanted.has('MAX') ? last : 0);
}

function esearch(
  tag: string,
  naming: Naming,
  wanted: ReadonlySet<string>,
  numbers: readonly number[],
  modseq: number,
): string {
  const items: string[] = [];
  const [first] = numbers;
  const last = numbers.at(-1);
  if (first !== undefined && last !== undefined) {
    if (wanted.has('MIN')) items.push(` MIN ${first}`);
    if (wanted.has('MAX')) items.push(` MAX ${last}`);
    if (wanted.has('ALL')) items.push(` ALL ${formatSet(numbers)}`);
  }
  if (wanted.has('COUNT')) items.push(` COUNT ${numbers.length}`);
  if (modseq > 0) items.push(` MODSEQ ${modseq}`);
  return `* ESEARCH (TAG ${formatString(tag)})${naming === 'uid' ? ' UID' : ''}${items.join('')}\r\n`;
}

export const search =
  (naming: Naming): Command<Selected> =>
  (scanner) => {
    scanner.space();
    const wanted = parseReturn(scanner);
    const key = parseSearch(scanner);
    const modseq = asksModseq(key);
    return async (session, { mailbox }): Promise<Completion> => {
      if (modseq) session.condstore = true;
      const found = await find(session, mailbox, key, modseq);
      const numbers = naming === 'uid' ? found.uids : found.uids.map((uid) => mailbox.uids.indexOf(uid) + 1);
      const { modseqs } = found;
      if (wanted !== null) session.write(esearch(session.tag, naming, wanted, numbers, esearchModseq(wanted, modseqs)));
      else
        session.write(
          `* SEARCH${numbers.length === 0 ? '' : ` ${numbers.join(' ')}`}${modseqs.highest === 0 ? '' : ` (MODSEQ ${modseqs.highest})`}\r\n`,
        );
      return ok('Search completed.', found.expunged ? 'EXPUNGEISSUED' : '');
    };
  };
