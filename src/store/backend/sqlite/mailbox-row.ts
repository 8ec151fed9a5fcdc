/** A row of `mailbox` as a Mailbox; used by the writer and the reader. */
import type { Mailbox, MailboxStatus, SpecialUse } from '../../../mail/mailbox.ts';

export interface MailboxColumns {
  readonly id: number;
  readonly account: number;
  readonly name: string;
  readonly special_use: SpecialUse;
  readonly uid_validity: number;
  readonly uid_next: number;
  readonly modseq: number;
  readonly messages: number;
  readonly unseen: number;
  readonly deleted: number;
  readonly size: number;
  readonly recent_from: number;
  readonly forgotten: number;
  readonly subscribed: number;
}

export const SELECT_MAILBOX =
  'SELECT m.*, EXISTS (SELECT 1 FROM subscription s WHERE s.account = m.account AND s.name = m.name) AS subscribed FROM mailbox m';

export function toMailbox(row: MailboxColumns): Mailbox {
  return {
    id: row.id,
    account: row.account,
    name: row.name,
    specialUse: row.special_use,
    subscribed: row.subscribed === 1,
    uidValidity: row.uid_validity,
    uidNext: row.uid_next,
    highestModseq: row.modseq,
  };
}

export function toStatus(row: MailboxColumns, recent: number): MailboxStatus {
  return {
    ...toMailbox(row),
    messages: row.messages,
    unseen: row.unseen,
    recent,
    deleted: row.deleted,
    size: row.size,
  };
}
