/** A queue item as its recipient gets it: with its own sender where VERP is wanted. */
import { verpSender } from '../mail/verp.ts';
import type { QueueItem } from '../store/queue.ts';

export const verpItem = (item: QueueItem): QueueItem =>
  item.verp === undefined
    ? item
    : { ...item, reversePath: verpSender(item.reversePath, item.original || item.recipient, item.verp) };
