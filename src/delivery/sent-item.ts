/** A queue item as one attempt sends it. */
import type { Address } from '../mail/address.ts';
import type { QueueItem } from '../store/queue.ts';

export interface SentItem extends QueueItem {
  /** The message's own reverse-path, where a plugin has put another in its place: it has the credentials. */
  readonly sender?: Address;
}
