/** Mailboxes as LIST, STATUS and SELECT see them. */
import type { Mailbox, MailboxStatus } from '../../../../mail/mailbox.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { foldName } from '../../names.ts';
import { type MailboxColumns, SELECT_MAILBOX, toMailbox, toStatus } from '../mailbox-row.ts';
import type { Reading } from './connection.ts';

export function listMailboxes(r: Reading, a: { readonly account: number }): readonly Mailbox[] {
  return r.db
    .all<MailboxColumns>(`${SELECT_MAILBOX} WHERE m.account = ? ORDER BY m.name <> 'INBOX', m.name`, a.account)
    .map(toMailbox);
}

export function findMailbox(r: Reading, a: { readonly account: number; readonly name: string }): Mailbox | null {
  const row = r.db.get<MailboxColumns>(
    `${SELECT_MAILBOX} WHERE m.account = ? AND m.name = ?`,
    a.account,
    foldName(a.name),
  );
  return row === undefined ? null : toMailbox(row);
}

export function subscriptions(r: Reading, a: { readonly account: number }): readonly string[] {
  return r.db
    .tuples<[string]>("SELECT name FROM subscription WHERE account = ? ORDER BY name <> 'INBOX', name", a.account)
    .map(([name]) => name);
}

export function status(r: Reading, a: { readonly mailbox: number }): MailboxStatus {
  const row = mailboxRow(r, a.mailbox);
  const recent = row.recent_from >= row.uid_next ? 0 : countFrom(r, row.id, row.recent_from);
  return toStatus(row, recent);
}

export function mailboxRow(r: Reading, id: number): MailboxColumns {
  const row = r.db.get<MailboxColumns>(`${SELECT_MAILBOX} WHERE m.id = ?`, id);
  if (row === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
  return row;
}

function countFrom(r: Reading, mailbox: number, uid: number): number {
  return (
    r.db.get<{ n: number }>('SELECT count(*) AS n FROM message WHERE mailbox = ? AND uid >= ?', mailbox, uid)?.n ?? 0
  );
}
