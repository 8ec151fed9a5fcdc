/**
 * What happened to an account's mailboxes, told to every session that watches it.
 *
 * Guarantee: a change is told after it is durable; the changes of one mailbox come in the order of
 * their MODSEQ; none is left out between a snapshot (`Mailboxes.open`) and the watch that was begun before it.
 */
import type { Id } from './account.ts';
import type { MessageState } from './mailbox.ts';

export type Change =
  | { readonly kind: 'append'; readonly mailbox: Id; readonly messages: readonly MessageState[] }
  | { readonly kind: 'flags'; readonly mailbox: Id; readonly messages: readonly MessageState[] }
  | { readonly kind: 'expunge'; readonly mailbox: Id; readonly uids: readonly number[]; readonly modseq: number }
  /** A mailbox was made, renamed, deleted, subscribed or unsubscribed. */
  | { readonly kind: 'mailbox'; readonly mailbox: Id };
