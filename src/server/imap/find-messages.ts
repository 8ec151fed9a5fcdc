/**
 * Finds the messages of a SEARCH: tests of flags, dates and sizes on the columns of the whole mailbox first, then the
 * other tests on the rows that are left.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SearchKey } from '../../protocol/imap/search.ts';
import { mergeRanges, type Ranges } from '../../protocol/imap/sequence-set.ts';
import type { MessageColumns } from '../../store/mailboxes.ts';
import { readAhead } from './message-octets.ts';
import { MessageTexts } from './message-texts.ts';
import { planSearch, type SearchPlan, type SearchRow } from './search-plan.ts';
import type { SelectedMailbox } from './selected-mailbox.ts';
import type { Session } from './session.ts';

export interface Found {
  readonly uids: readonly number[];
  /** MODSEQ of the first, of the last, and the highest of all; 0 if not requested. */
  readonly modseqs: { readonly first: number; readonly last: number; readonly highest: number };
  /** Messages that the client still counts could not be searched: another session has expunged them. */
  readonly expunged: boolean;
}

const NO_MODSEQS: Found['modseqs'] = { first: 0, last: 0, highest: 0 };

/** Messages whose columns are tested in one turn of the event loop. */
const TURN = 20_000;

/** What was found so far, in the order of UIDs. */
class Matches {
  readonly uids: number[] = [];
  /** Messages that were looked at. */
  seen = 0;
  gone = false;
  #first = 0;
  #last = 0;
  #highest = 0;

  add({ uid, modseq }: Pick<SearchRow, 'uid' | 'modseq'>): void {
    if (this.uids.length === 0) this.#first = modseq;
    this.#last = modseq;
    if (modseq > this.#highest) this.#highest = modseq;
    this.uids.push(uid);
  }

  /** `wanted`: how many messages should have been looked at. */
  found(wanted: number, modseq: boolean): Found {
    const modseqs = modseq ? { first: this.#first, last: this.#last, highest: this.#highest } : NO_MODSEQS;
    return { uids: this.uids, modseqs, expunged: this.gone || this.seen < wanted };
  }
}

/** `modseq`: the MODSEQs of the messages found are wanted. */
export async function findMessages(
  session: Session,
  mailbox: SelectedMailbox,
  key: SearchKey,
  modseq: boolean,
): Promise<Found> {
  const plan = planSearch(key, mailbox, session.services.clock());
  const { ranges, narrow, test } = plan;
  if (ranges.length === 0) return { uids: [], modseqs: NO_MODSEQS, expunged: false };
  if (narrow === null && test === null && !modseq)
    return { uids: [...mailbox.uids.within(ranges)], modseqs: NO_MODSEQS, expunged: false };
  if (narrow === null && test !== null) return findInRows(session, mailbox, plan, ranges, modseq);
  const narrowed = await findInColumns(session, mailbox, plan, modseq);
  if (test === null || narrowed.uids.length === 0) return narrowed;
  const left = mergeRanges(narrowed.uids.map((uid) => [uid, uid] as const));
  const found = await findInRows(session, mailbox, plan, left, modseq);
  return { ...found, expunged: found.expunged || narrowed.expunged };
}

async function findInColumns(
  session: Session,
  mailbox: SelectedMailbox,
  { ranges, narrow }: SearchPlan,
  modseq: boolean,
): Promise<Found> {
  const { mailboxes } = session.services.store;
  const matches = new Matches();
  let columns = await mailboxes.columns(mailbox.id);
  let left = TURN;
  let hint = 0;
  for (const [low, high] of ranges) {
    let index = lowerBound(columns, low);
    while (index < columns.length) {
      const uid = columns.uids[index] ?? 0;
      if (uid > high) break;
      const known = mailbox.uids.indexOf(uid, hint);
      if (known >= 0) {
        hint = known + 1;
        matches.seen += 1;
        const row = rowAt(columns, index, uid);
        if (narrow === null || narrow(row)) matches.add(row);
      }
      index += 1;
      left -= 1;
      if (left > 0) continue;
      // Other sessions get their turn; the columns may be others afterwards.
      left = TURN;
      await nextTurn();
      if (session.connection.signal.aborted) return matches.found(0, modseq);
      columns = await mailboxes.columns(mailbox.id);
      index = lowerBound(columns, uid + 1);
    }
  }
  return matches.found(mailbox.uids.count(ranges), modseq);
}

function lowerBound({ uids, length }: MessageColumns, uid: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((uids[middle] ?? 0) < uid) low = middle + 1;
    else high = middle;
  }
  return low;
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

async function findInRows(
  session: Session,
  mailbox: SelectedMailbox,
  { test, columns, reads }: SearchPlan,
  ranges: Ranges,
  modseq: boolean,
): Promise<Found> {
  const { store } = session.services;
  const matches = new Matches();
  const unlessGone = async (verdict: boolean | Promise<boolean>, uid: number): Promise<boolean> => {
    try {
      return await verdict;
    } catch (error) {
      if (!(await mailbox.isGone(store.mailboxes, uid))) throw error;
      matches.gone = true;
      return false;
    }
  };
  for await (const rows of store.mailboxes.rows(mailbox.id, ranges, columns)) {
    const known = rows.filter(({ uid }) => mailbox.uids.indexOf(uid) >= 0);
    matches.seen += known.length;
    // Tests that read messages run on a few messages at a time.
    for (const group of reads ? readAhead(known, ({ size }) => size) : [known]) {
      const verdicts = group.map((row) => test?.({ row, texts: new MessageTexts(store, row) }) ?? true);
      const passed = reads
        ? await Promise.all(verdicts.map((verdict, index) => unlessGone(verdict, group[index]?.uid ?? 0)))
        : verdicts;
      for (const [index, row] of group.entries()) if (passed[index] !== false) matches.add(row);
    }
    if (session.connection.signal.aborted) break;
  }
  return matches.found(mailbox.uids.count(ranges), modseq);
}
