/** The rows that an operation on UID ranges affects. */
import { MailboxError, type UidRanges } from '../../../mailboxes.ts';
import { clampRanges } from '../../ranges.ts';
import type { Writing } from './writing.ts';

export type Row = [uid: number, modseq: number, mask: number, keywords: string, size: number, content: number];

export function selectRows(w: Writing, mailbox: number, uids: UidRanges): Row[] {
  const rows: Row[] = [];
  for (const [first, last] of clampRanges(uids)) {
    const found = w.db.tuples<Row>(
      'SELECT uid, modseq, flags, keywords, size, content FROM message WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid',
      mailbox,
      first,
      last,
    );
    for (const row of found) rows.push(row);
  }
  return rows;
}

export function accountOf(w: Writing, mailbox: number): { readonly account: number; readonly modseq: number } {
  const row = w.db.get<{ account: number; modseq: number }>(
    'SELECT account, modseq FROM mailbox WHERE id = ?',
    mailbox,
  );
  if (row === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
  return row;
}
