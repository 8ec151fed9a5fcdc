/** Appends rows to a mailbox: their UIDs and MODSEQs with the counters, then each row. */
import { MailboxError } from '../../../mailboxes.ts';
import { DELETED, SEEN } from '../../flags.ts';
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

/**
 * The UID and MODSEQ of the first of these rows, with the mailbox's counters; the others have the following ones. They
 * must be inserted in the same transaction.
 */
export function nextPlace(w: Writing, mailbox: number, rows: readonly Pick<NewRow, 'mask' | 'size'>[]): Place {
  const count = rows.length;
  const unseen = rows.filter(({ mask }) => (mask & SEEN) === 0).length;
  const deleted = rows.filter(({ mask }) => (mask & DELETED) !== 0).length;
  const size = rows.reduce((sum, row) => sum + row.size, 0);
  const after = w.db.get<{ uidNext: number; uidValidity: number; modseq: number }>(
    `UPDATE mailbox SET uid_next = uid_next + ?, modseq = modseq + ?, messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, size = size + ?
     WHERE id = ? RETURNING uid_next AS uidNext, uid_validity AS uidValidity, modseq`,
    count,
    count,
    count,
    unseen,
    deleted,
    size,
    mailbox,
  );
  if (after === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
  const { uidNext, uidValidity, modseq } = after;
  if (uidNext - 1 > MAX_UID)
    throw new MailboxError('limit', 'the mailbox has no UIDs left; move its messages to a new mailbox');
  return { uid: uidNext - count, uidValidity, modseq: modseq - count + 1 };
}

export function insertRow(
  w: Writing,
  mailbox: number,
  { uid, modseq }: Pick<Place, 'uid' | 'modseq'>,
  row: NewRow,
): void {
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
