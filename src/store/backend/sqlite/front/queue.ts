/**
 * The queue for its runner and the queue commands. Commands on many items run in steps, so that deliveries can run
 * in between.
 */
import type { Queue, QueueFilter, Settlement } from '../../../queue.ts';
import {
  type ItemSlice,
  type ItemSliceResult,
  QUEUE_STATES,
  type Read,
  type ReaderCalls,
  type WriterCalls,
} from '../calls.ts';
import type { Link } from './link.ts';

export function createQueue(writer: Link<WriterCalls>, read: Read): Queue {
  return {
    claim: (options) => writer.call('claim', { ...options, exclude: [...options.exclude] }),
    async settle(settlements) {
      if (settlements.length > 0) await writer.call('settle', settlements.map(plain));
    },
    nextDue: () => writer.call('nextDue', null),
    ...createQueueReads(read),
    flush: (filter, now) => inSteps((after) => writer.call('flush', { ...slice(filter), after, now })),
    hold: (filter) => inSteps((after) => writer.call('hold', { ...slice(filter), after })),
    release: (filter, now) => inSteps((after) => writer.call('release', { ...slice(filter), after, now })),
    redirect: (filter, to, now) => inSteps((after) => writer.call('redirect', { ...slice(filter), after, to, now })),
    remove: (filter) => inSteps((after) => writer.call('removeItems', { ...slice(filter), after })),
    async recover() {
      await writer.call('recover', null);
    },
  };
}

export const createQueueReads = (read: Read): Pick<Queue, 'list'> => ({
  async *list(filter = {}) {
    for (let after: number | null = 0; after !== null; ) {
      const { items, next }: ReaderCalls['listItems']['result'] = await read('listItems', { ...slice(filter), after });
      if (items.length > 0) yield items;
      after = next;
    }
  },
});

async function inSteps(step: (after: number) => Promise<ItemSliceResult>): Promise<number> {
  let total = 0;
  for (let after: number | null = 0; after !== null; ) {
    const { count, next }: ItemSliceResult = await step(after);
    total += count;
    after = next;
  }
  return total;
}

function slice(filter: QueueFilter): Omit<ItemSlice, 'after'> {
  return {
    ...(filter.queueIds === undefined ? {} : { queueIds: filter.queueIds }),
    ...(filter.destination === undefined ? {} : { destination: filter.destination }),
    ...(filter.state === undefined ? {} : { state: QUEUE_STATES.indexOf(filter.state) }),
  };
}

const plain = (s: Settlement): WriterCalls['settle']['args'][number] => ({ ...s, item: Number(s.item) });
