/**
 * Finds the messages of a SEARCH. Tests of flags, dates and sizes come first, on the columns of the whole mailbox; then
 * the store is asked for the texts that it has prepared; the rows are read of those messages only that are left.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lowerBound } from '../../lower-bound.ts';
import type { SearchKey } from '../../protocol/imap/search.ts';
import { mergeRanges, type Ranges } from '../../protocol/imap/sequence-set.ts';
import type { MessageColumns } from '../../store/mailboxes.ts';
import { readAhead } from './message-octets.ts';
import { MessageTexts } from './message-texts.ts';
import { type Candidate, decideTexts } from './prepared-texts.ts';
import { planSearch, type SearchPlan, type SearchRow, type TextualTest } from './search-plan.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { Session } from './session.ts';

export interface Found {
  readonly uids: readonly number[];
  /** MODSEQ of the first, of the last, and the highest of all; 0 if not requested. */
  readonly modseqs: { readonly first: number; readonly last: number; readonly highest: number };
  /** Messages that the client still counts could not be searched: another session has expunged them. */
  readonly expunged: boolean;
}

type Match = Pick<Candidate, 'uid' | 'modseq'>;

const NO_MODSEQS: Found['modseqs'] = { first: 0, last: 0, highest: 0 };

/** Messages whose columns are tested in one turn of the event loop. */
const TURN = 20_000;

/** `modseq`: the MODSEQs of the messages found are wanted. */
export async function findMessages(
  session: Session,
  mailbox: SelectedMailbox,
  key: SearchKey,
  modseq: boolean,
): Promise<Found> {
  const plan = planSearch(key, mailbox, session.services.clock());
  const { ranges, narrow, textual, test } = plan;
  if (ranges.length === 0) return { uids: [], modseqs: NO_MODSEQS, expunged: false };
  const wanted = mailbox.uids.count(ranges);
  const needsColumns = narrow !== null || textual.length > 0;
  if (!needsColumns && test === null && !modseq)
    return { uids: [...mailbox.uids.within(ranges)], modseqs: NO_MODSEQS, expunged: false };
  if (!needsColumns && test !== null) {
    const { matches, seen } = await findInRows(session, mailbox, plan, ranges, () => []);
    return toFound(matches, modseq, seen < wanted);
  }
  const { candidates, seen } = await findInColumns(session, mailbox, plan);
  const { mailboxes } = session.services.store;
  const { sure, open } = await decideTexts(mailboxes, mailbox.id, candidates, plan, session.connection.signal);
  if (open.size === 0) return toFound(sure, modseq, seen < wanted);
  const left = mergeRanges([...open.keys()].map((uid) => [uid, uid] as const));
  const read = await findInRows(session, mailbox, plan, left, (uid) => open.get(uid) ?? []);
  const matches = [...sure, ...read.matches].sort((a, b) => a.uid - b.uid);
  return toFound(matches, modseq, seen < wanted || read.seen < open.size);
}

/** Matches in the order of UIDs. */
function toFound(matches: readonly Match[], modseq: boolean, expunged: boolean): Found {
  const uids = matches.map(({ uid }) => uid);
  if (!modseq) return { uids, modseqs: NO_MODSEQS, expunged };
  const highest = matches.reduce((most, match) => Math.max(most, match.modseq), 0);
  return { uids, modseqs: { first: matches[0]?.modseq ?? 0, last: matches.at(-1)?.modseq ?? 0, highest }, expunged };
}

/** `seen`: messages that were tested; fewer than wanted if some are expunged. */
async function findInColumns(
  session: Session,
  mailbox: SelectedMailbox,
  { ranges, narrow }: SearchPlan,
): Promise<{ readonly candidates: readonly Candidate[]; readonly seen: number }> {
  const { mailboxes } = session.services.store;
  const candidates: Candidate[] = [];
  const columns = await mailboxes.columns(mailbox.id);
  let left = TURN;
  let hint = 0;
  let seen = 0;
  for (const [low, high] of ranges) {
    let index = lowerBound(columns.uids, columns.length, low);
    while (index < columns.length) {
      const uid = columns.uids[index] ?? 0;
      if (uid > high) break;
      const known = mailbox.uids.indexOf(uid, hint);
      if (known >= 0) {
        hint = known + 1;
        seen += 1;
        if (narrow === null || narrow(rowAt(columns, index, uid))) candidates.push(candidateAt(columns, index, uid));
      }
      index += 1;
      left -= 1;
      if (left > 0) continue;
      // Other sessions get their turn.
      left = TURN;
      await nextTurn();
      if (session.connection.signal.aborted) return { candidates, seen };
    }
  }
  return { candidates, seen };
}

function rowAt(columns: MessageColumns, index: number, uid: number): SearchRow {
  const sentAt = columns.sentAts[index] ?? Number.NaN;
  return {
    uid,
    modseq: columns.modseqs[index] ?? 0,
    flags: columns.flags(index),
    internalDate: columns.internalDates[index] ?? 0,
    size: columns.sizes[index] ?? 0,
    sentAt: Number.isNaN(sentAt) ? null : sentAt,
  };
}

const candidateAt = (columns: MessageColumns, index: number, uid: number): Candidate => ({
  uid,
  modseq: columns.modseqs[index] ?? 0,
  content: columns.content(index),
  prefix: columns.prefix(index),
});

/** `open` gives the tests of texts that a message has yet to pass. */
async function findInRows(
  session: Session,
  mailbox: SelectedMailbox,
  { test, columns, reads }: SearchPlan,
  ranges: Ranges,
  open: (uid: number) => readonly TextualTest[],
): Promise<{ readonly matches: readonly Match[]; readonly seen: number }> {
  const { store } = session.services;
  const matches: Match[] = [];
  let seen = 0;
  const verdict = async (candidate: Parameters<TextualTest['test']>[0]): Promise<boolean> => {
    if (test !== null && !(await test(candidate))) return false;
    for (const textual of open(candidate.row.uid)) if (!(await textual.test(candidate))) return false;
    return true;
  };
  const unlessGone = async (result: Promise<boolean>, uid: number): Promise<boolean> => {
    try {
      return await result;
    } catch (error) {
      if (!(await mailbox.isGone(store.mailboxes, uid))) throw error;
      seen -= 1;
      return false;
    }
  };
  for await (const rows of store.mailboxes.rows(mailbox.id, ranges, columns)) {
    const known = rows.filter(({ uid }) => mailbox.uids.indexOf(uid) >= 0);
    seen += known.length;
    // Tests that read messages run on a few messages at a time; the others need not wait for anything.
    for (const group of reads ? readAhead(known, ({ size }) => size) : [known]) {
      const candidates = group.map((row) => ({ row, texts: reads ? new MessageTexts(store, row) : null }));
      const passed = reads
        ? await Promise.all(candidates.map((candidate) => unlessGone(verdict(candidate), candidate.row.uid)))
        : candidates.map(
            (candidate) =>
              (test === null || test(candidate) === true) &&
              open(candidate.row.uid).every((textual) => textual.test(candidate) === true),
          );
      for (const [index, row] of group.entries()) if (passed[index] === true) matches.push(row);
    }
    if (session.connection.signal.aborted) break;
  }
  return { matches, seen };
}
