/** Expunged messages that are kept (store/expunged.ts): a row moves with its reference, so counts of contents stay. */
import { DELETED, emptyStates, pushState } from '../../flags.ts';
import type { WriterCalls } from '../calls.ts';
import { insertRow, type NewRow, nextPlace } from './append.ts';
import { refer, removeRows } from './content-references.ts';
import { canonicalKeywords } from './keywords.ts';
import { accountOf } from './rows.ts';
import type { Writing } from './writing.ts';

/** Those that go in one transaction. */
const AT_ONCE = 500;

/** Copies rows that are then deleted; all of the mailbox if `uids` is omitted. */
export function keepRows(w: Writing, mailbox: number, expungedAt: number, uids?: readonly number[]): void {
  w.db.run(
    `INSERT INTO kept (account, uid_validity, uid, mailbox, expunged_at, flags, keywords, internal_date, content, prefix)
     SELECT b.account, b.uid_validity, m.uid, b.name, ?, m.flags, m.keywords, m.internal_date, m.content, m.prefix
     FROM message m JOIN mailbox b ON b.id = m.mailbox
     WHERE m.mailbox = ?${uids === undefined ? '' : ' AND m.uid IN (SELECT value FROM json_each(?))'} ORDER BY m.uid`,
    expungedAt,
    mailbox,
    ...(uids === undefined ? [] : [JSON.stringify(uids)]),
  );
}

interface KeptRow extends Omit<NewRow, 'size' | 'mask'> {
  readonly id: number;
  readonly flags: number;
  readonly contentSize: number;
}

export function restoreKept(w: Writing, a: WriterCalls['restoreKept']['args']): number {
  const { account } = accountOf(w, a.mailbox);
  const kept = w.db.all<KeptRow>(
    `SELECT k.id, k.flags, k.keywords, k.internal_date AS internalDate, k.content, k.prefix,
       c.size AS contentSize, c.sent_at AS sentAt
     FROM kept k JOIN content c ON c.id = k.content
     WHERE k.account = ? AND k.id IN (SELECT value FROM json_each(?)) ORDER BY k.uid_validity, k.uid, k.id`,
    account,
    JSON.stringify(a.messages),
  );
  if (kept.length === 0) return 0;
  const rows = kept.map(({ flags, keywords, contentSize, ...row }) => ({
    ...row,
    mask: flags & ~DELETED,
    keywords: keywords === '' ? '' : canonicalKeywords(w, a.mailbox, keywords.split(' ')).join(' '),
    size: contentSize + Buffer.byteLength(row.prefix),
  }));
  const first = nextPlace(w, a.mailbox, rows);
  const states = emptyStates();
  for (const [i, row] of rows.entries()) {
    const place = { uid: first.uid + i, modseq: first.modseq + i };
    insertRow(w, a.mailbox, place, row);
    pushState(states, place.uid, place.modseq, row.mask, row.keywords);
  }
  w.db.run('DELETE FROM kept WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(rows.map(({ id }) => id)));
  w.tell({ kind: 'append', account, mailbox: a.mailbox, states });
  return rows.length;
}

/** Of those expunged until then, some. Returns whether there are more. */
export const dropKept = (w: Writing, { until }: { readonly until: number }): boolean =>
  dropOldest(w, until) === AT_ONCE;

/** Returns how many. */
export function dropOldest(w: Pick<Writing, 'db'>, until = Number.MAX_SAFE_INTEGER): number {
  const old = w.db.tuples<[id: number, content: number]>(
    `SELECT id, content FROM kept WHERE expunged_at <= ? ORDER BY expunged_at LIMIT ${AT_ONCE}`,
    until,
  );
  remove(w, old);
  return old.length;
}

export function dropKeptOf(w: Writing, account: number): void {
  remove(w, w.db.tuples<[number, number]>('SELECT id, content FROM kept WHERE account = ?', account));
}

export function putKept(w: Writing, { account, messages }: WriterCalls['putKept']['args']): null {
  const fresh = messages.filter(
    ({ uidValidity, uid, content }) =>
      w.db.get(
        'SELECT id FROM kept WHERE account = ? AND uid_validity = ? AND uid = ? AND content = ?',
        ...[account, uidValidity, uid, content],
      ) === undefined,
  );
  refer(
    w,
    fresh.map(({ content }) => content),
  );
  for (const { uidValidity, uid, mailbox, expungedAt, mask, keywords, internalDate, content, prefix } of fresh)
    w.db.run(
      `INSERT INTO kept (account, uid_validity, uid, mailbox, expunged_at, flags, keywords, internal_date, content, prefix)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[account, uidValidity, uid, mailbox, expungedAt, mask, keywords, internalDate, content, prefix],
    );
  return null;
}

export function removeKept(w: Writing, { messages }: WriterCalls['removeKept']['args']): null {
  remove(
    w,
    w.db.tuples<[number, number]>(
      'SELECT id, content FROM kept WHERE id IN (SELECT value FROM json_each(?))',
      JSON.stringify(messages),
    ),
  );
  return null;
}

function remove(w: Pick<Writing, 'db'>, rows: readonly (readonly [id: number, content: number])[]): void {
  removeRows(
    w,
    rows.map(([, content]) => content),
  );
  w.db.run('DELETE FROM kept WHERE id IN (SELECT value FROM json_each(?))', JSON.stringify(rows.map(([id]) => id)));
}
