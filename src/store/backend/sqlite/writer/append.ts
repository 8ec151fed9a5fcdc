/** Appends a row to a mailbox: its next UID and MODSEQ with the counters, then the row. */
import { MailboxError } from '../../../mailboxes.ts';
import { DELETED, SEEN } from '../flags.ts';
import type { Writing } from './writing.ts';

/** UIDs are 32 bits wide (RFC 9051 section 2.3.1.1). */
const MAX_UID = 0xffff_fffe;

export interface Target {
  readonly id: number;
  readonly account: number;
  readonly quota: number;
}

export interface Place {
  readonly uid: number;
  readonly uidValidity: number;
  readonly modseq: number;
}

export interface NewRow {
  readonly mask: number;
  readonly keywords: string;
  readonly internalDate: number;
  readonly size: number;
  readonly sentAt: number | null;
  readonly content: number;
  readonly prefix: string;
}

export function appendRow(w: Writing, mailbox: number, row: NewRow): Place {
  const place = nextPlace(w, mailbox, row);
  insertRow(w, mailbox, place, row);
  return place;
}

/** The row must be inserted in the same transaction. */
export function nextPlace(w: Writing, mailbox: number, row: Pick<NewRow, 'mask' | 'size'>): Place {
  const next = w.db.get<Place>(
    `UPDATE mailbox SET uid_next = uid_next + 1, modseq = modseq + 1, messages = messages + 1, unseen = unseen + ?, deleted = deleted + ?, size = size + ?
     WHERE id = ? RETURNING uid_next - 1 AS uid, uid_validity AS uidValidity, modseq`,
    (row.mask & SEEN) === 0 ? 1 : 0,
    (row.mask & DELETED) === 0 ? 0 : 1,
    row.size,
    mailbox,
  );
  if (next === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
  if (next.uid > MAX_UID)
    throw new MailboxError('limit', 'the mailbox has no UIDs left; move its messages to a new mailbox');
  return next;
}

export function insertRow(w: Writing, mailbox: number, { uid, modseq }: Place, row: NewRow): void {
  w.db.run(
    'INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    mailbox,
    uid,
    modseq,
    row.mask,
    row.keywords,
    row.internalDate,
    row.size,
    row.sentAt,
    row.content,
    row.prefix,
  );
}

/** Octets that count against the account's quota. */
export function usedOctets(w: Writing, account: number): number {
  return (
    w.db.get<{ used: number }>('SELECT coalesce(sum(size), 0) AS used FROM mailbox WHERE account = ?', account)?.used ??
    0
  );
}
