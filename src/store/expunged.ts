/**
 * Messages that were expunged, kept for a while so that an operator can bring them back. No user sees them: they count
 * in no mailbox and no quota. Only their octets stay, for each of them refers to its content as a row of a mailbox does.
 *
 * On a full disk the oldest of them go before their time (SQLite).
 *
 * A message is in its mailbox or among these, never in both and, before its time is over, never in neither: EXPUNGE,
 * and bringing back, change both in one step (SQLite: a transaction; MongoDB: the row itself is marked).
 */
import type { Id } from '../mail/account.ts';
import type { MessageRow } from './mailboxes.ts';

/** As it was in its mailbox. */
export interface ExpungedMessage extends Pick<MessageRow, 'uid' | 'flags' | 'internalDate' | 'prefix' | 'content'> {
  readonly id: Id;
  /** The mailbox's name when it was expunged or deleted. */
  readonly mailbox: string;
  readonly uidValidity: number;
  /** Milliseconds since 1970 UTC. */
  readonly expungedAt: number;
}

export interface Expunged {
  /**
   * What is expunged from now on is kept, and what was kept for longer goes; ms. 0: nothing is kept. Until this is called
   * nothing is kept and nothing goes. A store of several processes does what each of them was told.
   */
  keepFor(ms: number): void;
  /** In the order of UIDVALIDITY and UID, some hundreds at a time. */
  list(account: Id): AsyncIterable<readonly ExpungedMessage[]>;
  /**
   * Appends these to a mailbox of their account, without \Deleted, in the order of `list`; the quota does not count.
   * Returns how many: those that are not kept any more, and those that someone else brings back, are left out.
   * Throws MailboxError.
   */
  restore(messages: readonly Id[], mailbox: Id): Promise<number>;
}
