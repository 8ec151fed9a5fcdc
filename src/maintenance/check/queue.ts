/** Queue items: each has its content, of the size that it says. */
import { messageOf } from '../../errors.ts';
import type { Inspection } from '../../store/check.ts';
import { Part } from '../../store/check-report.ts';
import type { QueueItem } from '../../store/queue.ts';
import type { ContentRecord } from '../../store/transfer.ts';
import { contentRecords } from '../content-records.ts';
import type { CheckJob } from './job.ts';

export async function checkQueue({ source, isServed }: CheckJob): Promise<readonly Inspection[]> {
  const part = new Part('queue items');
  try {
    for await (const items of source.queue.list()) {
      const records = await contentRecords(source, [...new Set(items.map(({ content }) => content))]);
      for (const item of items) {
        const record = records.get(item.content) ?? null;
        // It was sent meanwhile.
        if (record === null && isServed) continue;
        part.checked += 1;
        const problem = problemOf(item, record);
        if (problem !== null) part.add(`queue ${item.queueId} for ${item.recipient}`, problem);
      }
    }
  } catch (error) {
    part.add('queue', `cannot be listed: ${messageOf(error)}`);
  }
  return [part];
}

function problemOf(item: QueueItem, record: ContentRecord | null | Error): string | null {
  if (record === null) return 'its content does not exist';
  // That is the content's problem, and reported there.
  if (record instanceof Error) return null;
  if (record.queueId !== item.queueId) return `its content is that of ${record.queueId}`;
  return record.size === item.size ? null : `its size is said to be ${item.size} octets, and is ${record.size}`;
}
