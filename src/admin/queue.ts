/** The queue, as `mailq`, `postqueue` and `postsuper` manage it. */

import { EXPIRED_DESTINATION } from '../delivery/route/router.ts';
import { ownValue } from '../own-value.ts';
import type { QueueFilter, QueueItem } from '../store/queue.ts';
import {
  type AdminServices,
  type Arguments,
  gather,
  type Operation,
  OperationError,
  optionalText,
  text,
  texts,
} from './operation.ts';

/** `mailq` lists at most this many; of a longer queue it shows the count. */
const LISTED = 10_000;

/** One recipient in the queue, as `postqueue -j` names its members. */
export interface ListedItem {
  readonly queueId: string;
  /** Postfix's queue names. */
  readonly queue: 'active' | 'incoming' | 'deferred' | 'hold';
  /** The administrator has ended it: the next attempt returns it to the sender. */
  readonly expired: boolean;
  readonly arrived: string;
  readonly size: number;
  readonly sender: string;
  readonly recipient: string;
  readonly due: string;
  readonly attempts: number;
  /** In the words of the log; '' before the first attempt. */
  readonly reason: string;
}

const listed = (item: QueueItem): ListedItem => ({
  queueId: item.queueId,
  queue: item.active ? 'active' : item.state,
  expired: item.destination === EXPIRED_DESTINATION,
  arrived: new Date(item.arrivedAt).toISOString(),
  size: item.size,
  sender: item.reversePath,
  recipient: item.recipient,
  due: new Date(item.dueAt).toISOString(),
  attempts: item.attempts,
  reason: item.lastReply?.text.replaceAll('\n', ' ') ?? '',
});

/** One recipient of a message with its envelope, as `postcat` shows it. */
export interface ShownItem extends ListedItem {
  readonly original: string;
  readonly notify: readonly string[];
  readonly orcpt: string;
  readonly destination: string;
  readonly ret: string;
  readonly envid: string;
  readonly body: string;
  readonly smtputf8: boolean;
}

const shown = (item: QueueItem): ShownItem => {
  const { original, notify, orcpt, destination, ret, envid, body, smtputf8 } = item;
  return { ...listed(item), original, notify, orcpt, destination, ret, envid, body, smtputf8 };
};

/** Queue IDs to act on at once. */
const AT_ONCE = 500;

/** Octets of a message in one answer. */
const PIECE = 512 * 1024;

/** Whether some messages are asked for, by ID or by an address. */
const isNarrowed = (given: Arguments): boolean =>
  filterOf(given).queueIds !== undefined ||
  ['sender', 'recipient', 'domain'].some((name) => optionalText(given, name) !== undefined);

/** Which messages: those of the given queues with the sender, the recipient, or the domain of either. */
function isChosen(given: Arguments): (item: QueueItem) => boolean {
  const queues = texts(given, 'queues');
  const [sender, recipient, domain] = ['sender', 'recipient', 'domain'].map((name) =>
    optionalText(given, name)?.toLowerCase(),
  );
  const isOf = (address: string): boolean => domain !== undefined && address.toLowerCase().endsWith(`@${domain}`);
  const expires = given['verb'] === 'expire';
  return (item) =>
    !(expires && item.destination === EXPIRED_DESTINATION) &&
    (queues.length === 0 || queues.includes(item.active ? 'active' : item.state)) &&
    (sender === undefined || item.reversePath.toLowerCase() === sender) &&
    (recipient === undefined || [item.recipient, item.original].some((one) => one.toLowerCase() === recipient)) &&
    (domain === undefined || [item.reversePath, item.recipient, item.original].some(isOf));
}

/** The queue IDs of the chosen messages. */
async function chosenIds(services: AdminServices, given: Arguments): Promise<string[]> {
  const chosen = isChosen(given);
  const found = new Set<string>();
  for await (const batch of services.store.queue.list(filterOf(given)))
    for (const item of batch) if (chosen(item)) found.add(item.queueId);
  return [...found];
}

/** What postsuper does to a message; returns how many recipients. */
const VERBS: Readonly<Record<string, (services: AdminServices, filter: QueueFilter) => Promise<number>>> = {
  hold: ({ store }, filter) => store.queue.hold(filter),
  // Returned to the sender by the runner, which settles an item only when the notification is accepted.
  expire: async (services, filter) => {
    const count = await services.store.queue.redirect(filter, EXPIRED_DESTINATION, services.clock());
    services.wake();
    return count;
  },
  bounce: async (services, filter) => {
    await services.store.queue.redirect(filter, EXPIRED_DESTINATION, services.clock());
    await services.store.queue.release(filter, services.clock());
    return services.flush(filter);
  },
  release: async (services, filter) => {
    const count = await services.store.queue.release(filter, services.clock());
    services.wake();
    return count;
  },
  requeue: async (services, filter) => {
    await services.store.queue.release(filter, services.clock());
    return services.flush(filter);
  },
  remove: ({ store }, filter) => store.queue.remove(filter),
};

/** `ALL`, or queue IDs, or a destination; without arguments, everything. */
function filterOf(given: Arguments): QueueFilter {
  const queueIds = texts(given, 'queueIds').filter((id) => id !== 'ALL');
  const destination = optionalText(given, 'destination');
  return { ...(queueIds.length === 0 ? {} : { queueIds }), ...(destination === undefined ? {} : { destination }) };
}

/** Acts on the chosen messages; returns their IDs, and the number of recipients. */
async function change(
  services: AdminServices,
  given: Arguments,
  act: (filter: QueueFilter) => Promise<number>,
): Promise<{ readonly queueIds: readonly string[]; readonly recipients: number }> {
  const queueIds = await chosenIds(services, given);
  requireFound(given, queueIds);
  let recipients = 0;
  for (let at = 0; at < queueIds.length; at += AT_ONCE)
    recipients += await act({ queueIds: queueIds.slice(at, at + AT_ONCE) });
  return { queueIds, recipients };
}

/** For a person who names messages, IDs that do not exist are an error, not a success without effect. */
function requireFound(given: Arguments, found: readonly string[]): void {
  const asked = texts(given, 'queueIds').filter((id) => id !== 'ALL');
  if (given['strict'] === true && found.length === 0 && asked.length > 0)
    throw new OperationError(`the queue has no such message: ${asked.join(' ')}; "posthorn mailq" shows all`);
}

export const queueOperations: Readonly<Record<string, Operation>> = {
  'queue.list': async (services, given) => {
    const chosen = isChosen(given);
    const items: ListedItem[] = [];
    for await (const batch of services.store.queue.list(filterOf(given))) {
      items.push(...batch.filter(chosen).map(listed));
      if (items.length >= LISTED) break;
    }
    return items.slice(0, LISTED);
  },
  /** Makes the chosen messages due; all of them, or those of a destination, if none is named. */
  'queue.flush': async (services, given) => {
    if (!isNarrowed(given)) return { queueIds: [], recipients: await services.flush(filterOf(given)) };
    return change(services, given, (filter) => services.flush(filter));
  },
  /** `verb` on every chosen message. */
  'queue.change': async (services, given) => {
    const act = ownValue(VERBS, text(given, 'verb'));
    if (act === undefined) throw new OperationError(`"verb" must be one of ${Object.keys(VERBS).join(', ')}`);
    return change(services, given, (filter) => act(services, filter));
  },
  /** A message: its envelope, and the octets from `start` on; more follow while `next` is not null. */
  'queue.read': async ({ store }, given) => {
    const queueId = text(given, 'queueId');
    const start = Number(given['start'] ?? 0);
    // The envelope comes with the first piece.
    const items = await gather(store.queue.list({ queueIds: [queueId] }), start === 0 ? LISTED : 1);
    const [first] = items;
    if (first === undefined)
      throw new OperationError(`the queue has no such message: ${queueId}; "posthorn mailq" shows all`);
    const end = Math.min(first.size, start + PIECE);
    const octets =
      Number.isInteger(start) && start >= 0 && start < end
        ? await store.content.read(first.content, start, end)
        : Buffer.alloc(0);
    return {
      items: start === 0 ? items.map(shown) : [],
      octets: octets.toString('base64'),
      next: end < first.size ? end : null,
    };
  },
};
