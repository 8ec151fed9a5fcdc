/**
 * Deletes rows and records their UIDs for QRESYNC (RFC 7162 section 3.2): one row of `expunged` per operation.
 * The number of records is limited; older ones are deleted, and `changes` then answers with a superset.
 */
import type { UidRanges } from '../../../mailboxes.ts';
import { DELETED, SEEN } from '../../flags.ts';
import { formatUids, parseUids } from '../../ranges.ts';
import type { WriterCalls } from '../calls.ts';
import { removeRows } from './content-references.ts';
import { keepRows } from './kept.ts';
import { accountOf, type Row, selectRows } from './rows.ts';
import type { Writing } from './writing.ts';

/** Expunge operations recorded per mailbox. */
const REMEMBERED = 1000;

const EVERYTHING: UidRanges = [[1, 0xffff_ffff]];

export function expunge(w: Writing, a: WriterCalls['expunge']['args']): WriterCalls['expunge']['result'] {
  const { account, modseq } = accountOf(w, a.mailbox);
  const rows = selectRows(w, a.mailbox, a.uids ?? EVERYTHING).filter(([, , mask]) => a.force || (mask & DELETED) !== 0);
  if (rows.length === 0) return { uids: [], modseq };
  if (a.keptAt !== null)
    keepRows(
      w,
      a.mailbox,
      a.keptAt,
      rows.map(([uid]) => uid),
    );
  return expungeRows(w, account, a.mailbox, modseq, rows, a.keptAt === null);
}

/** `release`: drop a reference to each content (not when the rows moved or are kept). */
export function expungeRows(
  w: Writing,
  account: number,
  mailbox: number,
  before: number,
  rows: readonly Row[],
  release: boolean,
): WriterCalls['expunge']['result'] {
  const modseq = before + 1;
  const uids = rows.map(([uid]) => uid);
  deleteRows(w, mailbox, rows, { modseq, release });
  rememberExpunged(w, mailbox, modseq, uids);
  w.tell({ kind: 'expunge', account, mailbox, uids, modseq });
  return { uids, modseq };
}

/** Deletes rows; the mailbox's counts follow, and its MODSEQ becomes this one if it is lower. */
export function deleteRows(
  w: Writing,
  mailbox: number,
  rows: readonly Row[],
  { modseq, release }: { readonly modseq: number; readonly release: boolean },
): void {
  let unseen = 0;
  let deleted = 0;
  let size = 0;
  for (const [, , mask, , octets] of rows) {
    size += octets;
    if ((mask & SEEN) === 0) unseen += 1;
    if ((mask & DELETED) !== 0) deleted += 1;
  }
  w.db.run(
    'DELETE FROM message WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))',
    mailbox,
    JSON.stringify(rows.map(([uid]) => uid)),
  );
  if (release)
    removeRows(
      w,
      rows.map(([, , , , , content]) => content),
    );
  w.db.run(
    'UPDATE mailbox SET modseq = max(modseq, ?), messages = messages - ?, unseen = unseen - ?, deleted = deleted - ?, size = size - ? WHERE id = ?',
    modseq,
    rows.length,
    unseen,
    deleted,
    size,
    mailbox,
  );
}

/** `uids` are ascending, and remembered beside others of the same MODSEQ. */
export function rememberExpunged(w: Writing, mailbox: number, modseq: number, uids: readonly number[]): void {
  const known = w.db.get<{ uids: string }>(
    'SELECT uids FROM expunged WHERE mailbox = ? AND modseq = ?',
    mailbox,
    modseq,
  );
  const all = known === undefined ? uids : [...new Set([...parseUids(known.uids), ...uids])].sort((x, y) => x - y);
  w.db.run('INSERT OR REPLACE INTO expunged VALUES (?, ?, ?)', mailbox, modseq, formatUids(all));
  forget(w, mailbox);
}

/**
 * Counting is cheap although it runs each time: the range grows by one and never exceeds twice the limit.
 */
function forget(w: Writing, mailbox: number): void {
  const count = w.db.get<{ n: number }>('SELECT count(*) AS n FROM expunged WHERE mailbox = ?', mailbox)?.n ?? 0;
  if (count <= REMEMBERED * 2) return;
  const last = w.db.get<{ modseq: number }>(
    'SELECT modseq FROM expunged WHERE mailbox = ? ORDER BY modseq LIMIT 1 OFFSET ? + 0',
    mailbox,
    count - REMEMBERED - 1,
  );
  if (last === undefined) return;
  w.db.run('DELETE FROM expunged WHERE mailbox = ? AND modseq <= ?', mailbox, last.modseq);
  w.db.run('UPDATE mailbox SET forgotten = ? WHERE id = ?', last.modseq, mailbox);
}
