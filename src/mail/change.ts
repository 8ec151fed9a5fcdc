/**
 * Changes to an account's mailboxes, reported to every session that watches it.
 *
 * Guarantees: a change is reported after it is durable; the changes of one mailbox are reported in MODSEQ order; none
 * between a snapshot (`Mailboxes.open`) and the watch that was started before it is missing.
 */
import type { Id } from './account.ts';
import type { MessageState } from './mailbox.ts';

export type Change =
  | { readonly kind: 'append'; readonly mailbox: Id; readonly messages: readonly MessageState[] }
  | { readonly kind: 'flags'; readonly mailbox: Id; readonly messages: readonly MessageState[] }
  | { readonly kind: 'expunge'; readonly mailbox: Id; readonly uids: readonly number[]; readonly modseq: number }
  /** A mailbox was created, renamed, deleted, subscribed or unsubscribed. */
  | { readonly kind: 'mailbox'; readonly mailbox: Id };
