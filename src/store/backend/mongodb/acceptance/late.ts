/**
 * Late local delivery of a queue item. What was already appended for the same recipient and prefix is not appended
 * again.
 *
 *   1  the content gets a reference for the row, and a note of the attempt
 *   2  the row enters the mailbox's journal: it is delivered
 *   3  the content notes where, and the attempt goes; the operation leaves the journal
 *
 * After a crash the attempt is found by another process: if the journal has the row, 3 is done, otherwise the reference
 * is taken back.
 */
import { createHash } from 'node:crypto';
import { MailboxError } from '../../../mailboxes.ts';
import type { Accepted, LocalDelivery } from '../../../store.ts';
import { foldName } from '../../names.ts';
import type { Context } from '../context.ts';
import type { AppendedRecord, ContentDocument, DeliveryRecord, LateAttempt } from '../database/documents.ts';
import { removeUnreferenced } from '../database/references.ts';
import { newId } from '../log/mailbox-state.ts';
import { appendedIn, type Targets } from '../mailboxes/targets.ts';
import { accepted } from './accept.ts';

type Content = Pick<ContentDocument, '_id' | 'size' | 'sentAt' | 'late' | 'local'>;

const PROJECTION = { size: 1, sentAt: 1, late: 1, local: 1 };

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
  const key = keyOf(delivery);
  const first = await find(context, id);
  const before = lateIn(first, key);
  if (before !== null) return before;
  const [record] = await targets.resolve([delivery], first.size);
  if (record === undefined) throw new Error('a delivery has a target');
  const attempts: LateAttempt[] = [];
  try {
    return await tryDelivery(context, targets, first, record, key, attempts);
  } catch (error) {
    // The mailbox is gone.
    if (error instanceof MailboxError) for (const attempt of attempts) await finishAttempt(context, id, attempt);
    throw error;
  } finally {
    for (const attempt of attempts) context.running.delete(attempt.id);
  }
}

/** `attempts` gets each that the content may have a note of. */
async function tryDelivery(
  context: Context,
  targets: Targets,
  { _id, local }: Content,
  record: DeliveryRecord,
  key: string,
  attempts: LateAttempt[],
): Promise<AppendedRecord> {
  const { contents } = context.database;
  const noted = Promise.withResolvers<void>();
  noted.promise.catch(() => {});
  try {
    for (;;) {
      // In this order: what was appended is in the journal, or the content says so; what was ended before the attempt
      // is noted has changed the mailbox.
      const seen = await context.mailboxes.current(record.mailbox);
      const attempt = { id: newId(), by: context.by, key, mailbox: record.mailbox };
      attempts.push(attempt);
      context.running.add(attempt.id);
      const content = await contents.findOneAndUpdate(
        { _id, 'refs.0': { $exists: true }, 'late.key': { $ne: key } },
        {
          $addToSet: { refs: refOf(key) },
          $push: { trying: attempt },
          $set: { local: true, ...(local ? {} : { unprepared: true as const }) },
        },
        { projection: PROJECTION, returnDocument: 'after' },
      );
      const known = content === null ? lateIn(await find(context, _id), key) : null;
      if (known !== null) return known;
      if (content === null) throw gone(_id, _id);
      const place = await targets.appendUnless(seen, content, record, refOf(key), { until: noted.promise });
      if (place === null) continue;
      await note(context, _id, key, place);
      noted.resolve();
      return place;
    }
  } catch (error) {
    noted.reject(error);
    throw error;
  }
}

const note = ({ database }: Context, content: string, key: string, place: AppendedRecord): Promise<unknown> =>
  database.contents.updateOne({ _id: content }, { $addToSet: { late: { key, place } }, $pull: { trying: { key } } });

/** What a process began that died. */
export async function finishLate(context: Context, process: string): Promise<void> {
  const found = context.database.contents.find<Pick<ContentDocument, '_id' | 'trying'>>(
    { 'trying.by': process },
    { projection: { trying: 1 } },
  );
  for await (const { _id, trying = [] } of found)
    for (const attempt of trying)
      if (attempt.by === process && !context.running.has(attempt.id)) await finishAttempt(context, _id, attempt);
}

/** After this the attempt cannot succeed any more, unless it has. */
async function finishAttempt(context: Context, id: string, { id: attempt, key, mailbox }: LateAttempt): Promise<void> {
  const { contents } = context.database;
  const document = await context.mailboxes.fence(mailbox);
  const place = document === null ? null : appendedIn(document, id, refOf(key));
  if (place !== null) return void (await note(context, id, key, place));
  for (;;) {
    const content = await contents.findOne({ _id: id, 'trying.id': attempt }, { projection: { trying: 1 } });
    if (content === null) return;
    const { trying = [] } = content;
    // Others that try the same need the reference.
    const isLast = trying.every((one) => one.id === attempt || one.key !== key);
    const { matchedCount } = await contents.updateOne(
      { _id: id, trying: [...trying] },
      { $pull: { trying: { id: attempt }, ...(isLast ? { refs: refOf(key) } : {}) } },
    );
    if (matchedCount === 0) continue;
    if (isLast) await removeUnreferenced(context.database, [id]);
    return;
  }
}

async function find({ database }: Context, id: string): Promise<Content> {
  const content = await database.contents.findOne<Content>(
    { _id: id, 'refs.0': { $exists: true } },
    { projection: PROJECTION },
  );
  if (content === null) throw gone(id, id);
  return content;
}

/** The name of the row's reference. */
const refOf = (key: string): string => `l${key}`;

const lateIn = ({ late }: Pick<Content, 'late'>, key: string): AppendedRecord | null =>
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
