/**
 * The store's face: four rooms and the one act that joins them.
 *
 * `accept` is why a message cannot be lost: content, a row in each local mailbox and an item for each
 * other recipient become durable together, and only then does it resolve (SQLite: one transaction,
 * WAL, synchronous=FULL; MongoDB: content, then queue items, then idempotent appends by queue ID).
 */
import type { Id } from '../mail/account.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { MessageIndex } from '../mail/message.ts';
import type { ContentDraft, ContentStore } from './content.ts';
import type { Directory } from './directory.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { Queue, QueueItemDraft } from './queue.ts';

/** A message's row in one mailbox. */
export interface LocalDelivery {
  readonly account: Id;
  /** A mailbox's id, or a name that is made where it does not exist. */
  readonly mailbox: { readonly id: Id } | { readonly name: string };
  /** Header lines of this recipient alone, each with its CRLF; its octets are those of its UTF-8. */
  readonly prefix: string;
  readonly flags: readonly string[];
  /** Milliseconds since 1970 UTC. */
  readonly internalDate: number;
}

export interface Acceptance {
  /** Unique for ever: a repeated acceptance with the same queue ID has no second effect. */
  readonly queueId: string;
  readonly arrivedAt: number;
  readonly envelope: Omit<Envelope, 'recipients'>;
  readonly content: ContentDraft;
  readonly index: MessageIndex;
  readonly deliveries: readonly LocalDelivery[];
  readonly queued: readonly QueueItemDraft[];
}

export interface Accepted {
  readonly content: Id;
  /** In the order of `deliveries`. */
  readonly appended: readonly { readonly mailbox: Id; readonly uid: number; readonly uidValidity: number }[];
}

/**
 * The disk is full or the database refuses to write: the caller answers 452 4.3.1 and the like; nothing was accepted.
 */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

export interface Store {
  readonly content: ContentStore;
  readonly mailboxes: Mailboxes;
  readonly directory: Directory;
  readonly queue: Queue;
  /**
   * Throws StoreFullError, MailboxError (overquota, nonexistent), or the backend's error; then nothing was accepted.
   */
  accept(acceptance: Acceptance): Promise<Accepted>;
  /**
   * Appends rows for content that is stored already: late local delivery of a queue item, by the queue ID idempotent.
   */
  deliver(content: Id, queueId: string, deliveries: readonly LocalDelivery[]): Promise<Accepted>;
  /** Waits for what was begun, then closes. */
  close(): Promise<void>;
}
