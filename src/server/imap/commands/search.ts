/** SEARCH and UID SEARCH (RFC 9051 section 6.4.4) with RETURN (RFC 4731) and MODSEQ (RFC 7162 section 3.1.5). */
import { formatString } from '../../../protocol/imap/format.ts';
import type { Scanner } from '../../../protocol/imap/scanner.ts';
import { BadCharsetError, parseSearch, type SearchKey } from '../../../protocol/imap/search.ts';
import { formatSet } from '../../../protocol/imap/sequence-set.ts';
import type { Command } from '../command.ts';
import { type Completion, no, ok } from '../completion.ts';
import { readAhead } from '../message-octets.ts';
import { MessageTexts } from '../message-texts.ts';
import { planSearch } from '../search-plan.ts';
import type { Naming, SelectedMailbox } from '../selected-mailbox.ts';
import type { Session } from '../session.ts';
import type { Selected } from '../state.ts';

interface Found {
  readonly uids: readonly number[];
  /** The highest MODSEQ of those found; 0 where nobody asked. */
  readonly modseq: number;
}

type ReturnOption = 'MIN' | 'MAX' | 'COUNT' | 'ALL';
const RETURNS: readonly string[] = ['MIN', 'MAX', 'COUNT', 'ALL'] satisfies ReturnOption[];

/** Null: the answer is SEARCH, not ESEARCH. */
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
  key.kind === 'modseq' || (key.kind === 'not' && asksModseq(key.key)) || ((key.kind === 'and' || key.kind === 'or') && key.keys.some(asksModseq));

async function find(session: Session, mailbox: SelectedMailbox, key: SearchKey, modseq: boolean): Promise<Found> {
  const { store, clock } = session.services;
  const { ranges, test, columns, reads } = planSearch(key, mailbox, clock());
  if (ranges.length === 0) return { uids: [], modseq: 0 };
  if (test === null && !modseq) return { uids: [...mailbox.uids.within(ranges)], modseq: 0 };
  const uids: number[] = [];
  let highest = 0;
  const unlessGone = async (verdict: boolean | Promise<boolean>, uid: number): Promise<boolean> => {
    try {
      return await verdict;
    } catch (error) {
      if (await mailbox.isGone(store.mailboxes, uid)) return false;
      throw error;
    }
  };
  for await (const rows of store.mailboxes.rows(mailbox.id, ranges, columns)) {
    const known = rows.filter(({ uid }) => mailbox.uids.indexOf(uid) >= 0);
    // Tests of columns answer at once; those that read messages are asked for some messages at a time.
    for (const group of test === null || !reads ? [known] : readAhead(known, ({ size }) => size)) {
      const verdicts = test === null ? [] : group.map((row) => test({ row, texts: new MessageTexts(store, row) }));
      const passed = reads ? await Promise.all(verdicts.map((verdict, index) => unlessGone(verdict, group[index]?.uid ?? 0))) : verdicts;
      for (const [index, { uid, modseq: own }] of group.entries()) {
        if (passed[index] === false) continue;
        uids.push(uid);
        if (own > highest) highest = own;
      }
    }
    if (session.connection.signal.aborted) break;
  }
  return { uids, modseq: modseq ? highest : 0 };
}

function esearch(tag: string, naming: Naming, wanted: ReadonlySet<string>, numbers: readonly number[], modseq: number): string {
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
    let key: SearchKey;
    try {
      key = parseSearch(scanner);
    } catch (error) {
      if (error instanceof BadCharsetError) return () => no('Unknown charset.', 'BADCHARSET (US-ASCII UTF-8)');
      throw error;
    }
    const modseq = asksModseq(key);
    return async (session, { mailbox }): Promise<Completion> => {
      if (modseq) session.condstore = true;
      const found = await find(session, mailbox, key, modseq);
      const numbers = naming === 'uid' ? found.uids : found.uids.map((uid) => mailbox.uids.indexOf(uid) + 1);
      if (wanted !== null) session.write(esearch(session.tag, naming, wanted, numbers, found.modseq));
      else session.write(`* SEARCH${numbers.length === 0 ? '' : ` ${numbers.join(' ')}`}${found.modseq === 0 ? '' : ` (MODSEQ ${found.modseq})`}\r\n`);
      return ok('Search completed.');
    };
  };
