/** The queue: the items of a message are compared and written together. */
import type { Id } from '../../mail/account.ts';
import type { QueueItem } from '../../store/queue.ts';
import { queueExtras } from '../../store/queue-extras.ts';
import type { StoreSource } from '../../store/source.ts';
import type { ItemRecord } from '../../store/transfer.ts';
import type { CopyJob } from './job.ts';

type Items = ReadonlyMap<string, readonly QueueItem[]>;

export async function copyQueue(job: CopyJob): Promise<void> {
  const { source, target } = job;
  for await (const [wanted, present] of pairsOf(source, target)) {
    for (const [queueId, items] of wanted) {
      if (!sameItems(items, present.get(queueId) ?? [])) await putItems(job, queueId, items);
    }
  }
  for await (const [present, wanted] of pairsOf(target, source)) {
    for (const [queueId, items] of present) {
      if (!wanted.has(queueId)) await target.transfer.putItems(contentOf(items), []);
    }
  }
}

/** All items of some messages of the first queue, and those of the same messages in the second one. */
export async function* pairsOf(
  first: Pick<StoreSource, 'queue'>,
  second: Pick<StoreSource, 'queue'>,
): AsyncIterable<readonly [Items, Items]> {
  for await (const items of first.queue.list()) {
    const queueIds = [...new Set(items.map(({ queueId }) => queueId))];
    yield [await itemsOf(first, queueIds), await itemsOf(second, queueIds)];
  }
}

async function itemsOf({ queue }: Pick<StoreSource, 'queue'>, queueIds: readonly string[]): Promise<Items> {
  const items = new Map<string, QueueItem[]>();
  for await (const batch of queue.list({ queueIds }))
    for (const item of batch) items.set(item.queueId, [...(items.get(item.queueId) ?? []), item]);
  return items;
}

async function putItems(job: CopyJob, queueId: string, items: readonly QueueItem[]): Promise<void> {
  const { contents, source, target, tally } = job;
  const content = contentOf(items);
  const copied = (await contents.copy([content])).get(content) ?? null;
  if (copied === null || copied instanceof Error) {
    // One that was sent meanwhile is none that is missing.
    if ((await itemsOf(source, [queueId])).size > 0)
      tally.problems.add(`queue ${queueId}`, copied ?? 'its content is missing');
    return;
  }
  await target.transfer.putItems(copied, items.map(recordOf));
  tally.written += items.length;
}

const contentOf = (items: readonly QueueItem[]): Id => items[0]?.content ?? 0;

export const recordOf = (item: QueueItem): ItemRecord => ({
  recipient: item.recipient,
  original: item.original,
  notify: item.notify,
  orcpt: item.orcpt,
  destination: item.destination,
  state: item.state,
  reversePath: item.reversePath,
  ret: item.ret,
  envid: item.envid,
  smtputf8: item.smtputf8,
  body: item.body,
  dueAt: item.dueAt,
  attempts: item.attempts,
  warned: item.warned,
  lastReply: item.lastReply,
  ...queueExtras(item),
});

/** Their order is the store's own. */
export const sameItems = (some: readonly QueueItem[], others: readonly QueueItem[]): boolean =>
  textOf(some) === textOf(others);

/** The arrays' order makes the members' order the same on both sides. */
const textOf = (items: readonly QueueItem[]): string =>
  items
    .map(recordOf)
    .map(({ lastReply, ...item }) =>
      JSON.stringify([item, lastReply === null ? null : [lastReply.code, lastReply.enhanced, lastReply.text]]),
    )
    .sort()
    .join('\n');
