/**
 * Late local delivery of a queue item. What was already appended for the same recipient and prefix is not appended
 * again: the content remembers it, and until it does, the mailbox's journal.
 */
import { createHash } from 'node:crypto';
import type { Accepted, LocalDelivery } from '../../store.ts';
import { foldName } from '../names.ts';
import { accepted } from './accept.ts';
import type { Context } from './context.ts';
import type { AppendedRecord, ContentDocument, DeliveryRecord } from './documents.ts';
import type { Targets } from './targets.ts';

type Content = Pick<ContentDocument, '_id' | 'size' | 'sentAt' | 'late' | 'local' | 'refs'>;

export async function deliverLate(
  context: Context,
  targets: Targets,
  content: string,
  queueId: string,
  deliveries: readonly LocalDelivery[],
): Promise<Accepted> {
  if (content !== queueId) throw gone(content, queueId);
  const appended: AppendedRecord[] = [];
  for (const delivery of deliveries) appended.push(await deliverOne(context, targets, content, delivery));
  return accepted(content, appended);
}

async function deliverOne(
  context: Context,
  targets: Targets,
  id: string,
  delivery: LocalDelivery,
): Promise<AppendedRecord> {
  const { contents } = context.database;
  const key = keyOf(delivery);
  const ref = `l${key}`;
  const projection = { size: 1, sentAt: 1, late: 1, local: 1, refs: 1 };
  const first = await contents.findOne<Content>({ _id: id, 'refs.0': { $exists: true } }, { projection });
  if (first === null) throw gone(id, id);
  const before = lateIn(first, key);
  if (before !== null) return before;
  const [record] = await targets.resolve([delivery], first.size);
  if (record === undefined) throw new Error('a delivery has a target');
  for (;;) {
    // The mailbox is read before the content: what was appended is in the one, or the other says so.
    const seen = await context.mailboxes.current(record.mailbox);
    const content = await contents.findOneAndUpdate(
      { _id: id, 'refs.0': { $exists: true } },
      { $addToSet: { refs: ref }, $set: { local: true, ...(first.local ? {} : { unprepared: true as const }) } },
      { projection, returnDocument: 'after' },
    );
    if (content === null) throw gone(id, id);
    const known = lateIn(content, key);
    if (known !== null) return known;
    const place = await append(context, targets, { seen, content, record, ref, key });
    if (place !== null) return place;
  }
}

async function append(
  context: Context,
  targets: Targets,
  a: {
    readonly seen: Awaited<ReturnType<Context['mailboxes']['current']>>;
    readonly content: Content;
    readonly record: DeliveryRecord;
    readonly ref: string;
    readonly key: string;
  },
): Promise<AppendedRecord | null> {
  const noted = Promise.withResolvers<void>();
  noted.promise.catch(() => {});
  try {
    const place = await targets.appendUnless(a.seen, a.content, a.record, a.ref, noted.promise);
    if (place !== null)
      await context.database.contents.updateOne(
        { _id: a.content._id, 'late.key': { $ne: a.key } },
        { $push: { late: { key: a.key, place } } },
      );
    noted.resolve();
    return place;
  } catch (error) {
    noted.reject(error);
    throw error;
  }
}

const lateIn = ({ late }: Content, key: string): AppendedRecord | null =>
  late?.find((one) => one.key === key)?.place ?? null;

function keyOf({ account, mailbox, prefix }: LocalDelivery): string {
  const target = 'id' in mailbox ? `#${mailbox.id}` : foldName(mailbox.name);
  return createHash('sha256')
    .update(JSON.stringify([account, target, prefix]))
    .digest('hex')
    .slice(0, 32);
}

const gone = (content: string, queueId: string): Error =>
  new Error(`content ${content} of ${queueId} is no longer in the store`);
