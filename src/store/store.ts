/**
 * The store's interface: its parts, and `accept`, which writes to several of them at once.
 *
 * `accept` is why a message cannot be lost: content, a row in each local mailbox and an item for each
 * other recipient become durable together, and only then does it resolve (SQLite: one transaction,
 * WAL, synchronous=FULL; MongoDB: the content's document, which says what follows and can be finished by any process).
 */
import type { Id } from '../mail/account.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { MessageIndex } from '../mail/message.ts';
import type { StoreCheck } from './check.ts';
import type { Cluster } from './cluster.ts';
import type { ContentDraft, ContentStore } from './content.ts';
import type { Directory } from './directory.ts';
import type { Expunged } from './expunged.ts';
import type { Mailboxes } from './mailboxes.ts';
import type { PluginStates } from './plugin-states.ts';
import type { ProbeResults } from './probe-results.ts';
import type { Queue, QueueItemDraft } from './queue.ts';
import type { Transfer } from './transfer.ts';

/** A message's row in one mailbox. */
export interface LocalDelivery {
  readonly account: Id;
  /** A mailbox's id, or a name, which is created if missing. */
  readonly mailbox: { readonly id: Id } | { readonly name: string };
  /** Header lines for this recipient only, each with its CRLF; counted as UTF-8 octets. */
  readonly prefix: string;
  readonly flags: readonly string[];
  /** Milliseconds since 1970 UTC. */
  readonly internalDate: number;
}

export interface Acceptance {
  /** Unique forever: repeating an acceptance with the same queue ID has no effect. */
  readonly queueId: string;
  readonly arrivedAt: number;
  readonly envelope: Omit<Envelope, 'recipients'>;
  readonly content: ContentDraft;
  /** Null for inline content: the store makes it, off the caller's thread where it has another one. */
  readonly index: MessageIndex | null;
  readonly deliveries: readonly LocalDelivery[];
  readonly queued: readonly QueueItemDraft[];
}

export interface Accepted {
  readonly content: Id;
  /** In the order of `deliveries`. */
  readonly appended: readonly { readonly mailbox: Id; readonly uid: number; readonly uidValidity: number }[];
}

export interface AcceptedMessage extends Accepted {
  /** As in the index. */
  readonly messageId: string;
}

/**
 * The disk is full or the database refuses to write: nothing was accepted, and the caller answers 452 4.3.1 or similar.
 */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/**
 * The database cannot be reached or refuses to answer: it is not known whether anything changed. It passes, so callers
 * answer with a temporary error, and their sessions stay.
 */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

export interface Store {
  readonly content: ContentStore;
  readonly mailboxes: Mailboxes;
  readonly expunged: Expunged;
  readonly directory: Directory;
  readonly queue: Queue;
  readonly probeResults: ProbeResults;
  readonly pluginStates: PluginStates;
  readonly transfer: Transfer;
  readonly check: StoreCheck;
  /** Null for a store with one process. */
  readonly cluster: Cluster | null;
  /**
   * Throws StoreFullError, MailboxError (overquota, nonexistent), or the backend's error; then nothing was accepted.
   */
  accept(acceptance: Acceptance): Promise<AcceptedMessage>;
  /**
   * Appends rows for stored content: late local delivery of a queue item. Idempotent by queue ID.
   */
  deliver(content: Id, queueId: string, deliveries: readonly LocalDelivery[]): Promise<Accepted>;
  /** Waits for operations in progress, then closes. */
  close(): Promise<void>;
}
