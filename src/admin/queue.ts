/** The queue, as `mailq`, `postqueue` and `postsuper` manage it. */

import { formatReply } from '../mail/status.ts';
import type { QueueFilter, QueueItem } from '../store/queue.ts';
import { type Arguments, gather, type Operation, OperationError, optionalText, texts } from './operation.ts';

/** `mailq` lists at most this many; of a longer queue it shows the count. */
const LISTED = 10_000;

/** One recipient in the queue, as `postqueue -j` names its members. */
export interface ListedItem {
  readonly queueId: string;
  /** Postfix's queue names. */
  readonly queue: 'active' | 'incoming' | 'deferred' | 'hold';
  readonly arrived: string;
  readonly size: number;
  readonly sender: string;
  readonly recipient: string;
  readonly due: string;
  readonly attempts: number;
  readonly reason: string;
}

const listed = (item: QueueItem): ListedItem => ({
  queueId: item.queueId,
  queue: item.active ? 'active' : item.state,
  arrived: new Date(item.arrivedAt).toISOString(),
  size: item.size,
  sender: item.reversePath,
  recipient: item.recipient,
  due: new Date(item.dueAt).toISOString(),
  attempts: item.attempts,
  reason: item.lastReply === null ? '' : formatReply(item.lastReply),
});

/** `ALL`, or queue IDs, or a destination; without arguments, everything. */
function filterOf(given: Arguments): QueueFilter {
  const queueIds = texts(given, 'queueIds').filter((id) => id !== 'ALL');
  const destination = optionalText(given, 'destination');
  return { ...(queueIds.length === 0 ? {} : { queueIds }), ...(destination === undefined ? {} : { destination }) };
}

/** Queue IDs that do not exist are an error, not a success without effect. */
function found(filter: QueueFilter, count: number): number {
  if (count === 0 && filter.queueIds !== undefined)
    throw new OperationError(`the queue has no such message: ${filter.queueIds.join(' ')}; "posthorn mailq" shows all`);
  return count;
}

export const queueOperations: Readonly<Record<string, Operation>> = {
  'queue.list': async (services, given) =>
    (await gather(services.store.queue.list(filterOf(given)), LISTED)).map(listed),
  'queue.flush': async (services, given) => {
    const filter = filterOf(given);
    const flushed = found(filter, await services.flush(filter));
    return { flushed };
  },
  'queue.hold': async (services, given) => {
    const filter = filterOf(given);
    return { held: found(filter, await services.store.queue.hold(filter)) };
  },
  'queue.release': async (services, given) => {
    const filter = filterOf(given);
    const released = found(filter, await services.store.queue.release(filter, services.clock()));
    services.wake();
    return { released };
  },
  'queue.remove': async (services, given) => {
    const filter = filterOf(given);
    return { removed: found(filter, await services.store.queue.remove(filter)) };
  },
};
