/**
 * The durable queue: one item for each recipient that is not delivered yet (qmgr's states are columns of it). An item
 * is claimed under a lease, so that the work of a process that dies is not lost, and settled when its result is known.
 */
import type { Id } from '../mail/account.ts';
import type { Address } from '../mail/address.ts';
import type { ClientOrigin } from '../mail/client-origin.ts';
import type { Notify } from '../mail/envelope.ts';
import type { Reply } from '../mail/status.ts';

export type QueueState = 'incoming' | 'deferred' | 'hold';

/** What is known about an item when its message is accepted. */
export interface QueueItemDraft {
  readonly recipient: Address;
  /** The address in the client's RCPT TO. */
  readonly original: Address;
  readonly notify: readonly Notify[];
  readonly orcpt: string;
  /** The reverse-path of this recipient alone (`owner-` aliases); absent: that of the message. */
  readonly sender?: Address;
  /** Kept only where the recipient's transport tells it on. */
  readonly client?: ClientOrigin;
  /** The two delimiters with which the recipient becomes part of its own reverse-path (VERP_README). */
  readonly verp?: string;
  /** The sender is told how the first attempt went (`sendmail -v`). */
  readonly reports?: true;
  /** Domain, `[host]:port` or transport nexthop under which deliveries are grouped and limited. */
  readonly destination: string;
  readonly state: 'incoming' | 'hold';
}

export interface QueueItem extends Omit<QueueItemDraft, 'state' | 'sender'> {
  readonly id: Id;
  /** The message's queue ID, as in `queued as ID`. */
  readonly queueId: string;
  readonly content: Id;
  readonly size: number;
  readonly state: QueueState;
  readonly reversePath: Address;
  readonly ret: '' | 'FULL' | 'HDRS';
  readonly envid: string;
  readonly smtputf8: boolean;
  readonly body: '7BIT' | '8BITMIME';
  /** Milliseconds since 1970 UTC, here and below. */
  readonly arrivedAt: number;
  readonly dueAt: number;
  /** Delivery attempts that ended in a transient failure. */
  readonly attempts: number;
  /** A delay warning was sent. */
  readonly warned: boolean;
  /** Why the last attempt failed; null before the first. */
  readonly lastReply: Reply | null;
  /** Leased by a runner now (postqueue shows `*`). */
  readonly active: boolean;
}

export type Settlement =
  /** Delivered, bounced or dropped: the item is gone. */
  | { readonly item: Id; readonly outcome: 'done' }
  | {
      readonly item: Id;
      readonly outcome: 'deferred';
      readonly dueAt: number;
      readonly reply: Reply;
      readonly warned?: boolean;
    }
  /** Returned without an attempt (shutdown, destination limits). */
  | { readonly item: Id; readonly outcome: 'released' };

export interface QueueFilter {
  readonly queueIds?: readonly string[];
  readonly destination?: string;
  readonly state?: QueueState;
}

export interface Queue {
  /**
   * Leases due items, fresh ones before deferred ones, oldest first.
   * `exclude` lists destinations that are at their limit.
   */
  claim(options: {
    readonly now: number;
    readonly limit: number;
    readonly leaseMs: number;
    readonly exclude: readonly string[];
  }): Promise<readonly QueueItem[]>;
  settle(settlements: readonly Settlement[]): Promise<void>;
  /** Earliest dueAt of an item that is neither leased nor held, or null. */
  nextDue(): Promise<number | null>;
  list(filter?: QueueFilter): AsyncIterable<readonly QueueItem[]>;
  /** Makes items due now (postqueue -f, -i, -s); held ones stay held. Returns the number of items. */
  flush(filter: QueueFilter, now: number): Promise<number>;
  /** postsuper -h, -H and -r, -d. Return the number of items. */
  hold(filter: QueueFilter): Promise<number>;
  release(filter: QueueFilter, now: number): Promise<number>;
  /** Gives items another destination and makes them due; held ones stay held. Returns the number of items. */
  redirect(filter: QueueFilter, destination: string, now: number): Promise<number>;
  remove(filter: QueueFilter): Promise<number>;
  /** Releases every lease: called once at start by the only process of an embedded store. */
  recover(): Promise<void>;
}
