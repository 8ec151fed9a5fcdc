/**
 * Accepts a message. Its content's document is the acceptance: it says where the message goes, and once it is durable
 * the message cannot be lost, for any process can do what it says.
 *
 *   1  chunks of long content, queue items that no claim sees yet (drafts)
 *   2  the content's document: the message is accepted
 *   3  rows, by one compare-and-set for each mailbox (mailbox-log.ts); the items become visible
 *   4  later: the document says what was appended and is closed; the operations leave the journals
 *
 * A crash before 2 leaves drafts and chunks, which are swept. After 2 `finish` does the rest: what was appended is in
 * the mailbox's journal until the document is closed, so nothing is appended twice. Who finishes it says so in the
 * document first (`by`): a process that was taken for dead, and is not, sees it there (taken-over.ts).
 */
import { messageOf } from '../../../../errors.ts';
import type { Id } from '../../../../mail/account.ts';
import { indexMessage } from '../../../../protocol/mime/indexer.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../../content.ts';
import { MailboxError } from '../../../mailboxes.ts';
import type { QueueItemDraft } from '../../../queue.ts';
import { queueExtras } from '../../../queue-extras.ts';
import type { Acceptance, Accepted, AcceptedMessage } from '../../../store.ts';
import { type IndexColumns, toColumns } from '../../index-columns.ts';
import type { Context } from '../context.ts';
import { Batches } from '../database/batches.ts';
import type { AppendedRecord, ContentDocument, DeliveryRecord, ItemDocument } from '../database/documents.ts';
import { isPassing } from '../database/failure.ts';
import { insertMissing } from '../database/insert.ts';
import { dropReferences, removeUnreferenced } from '../database/references.ts';
import { patiently } from '../database/retries.ts';
import { type Held, TakenOverError } from '../log/taken-over.ts';
import type { Part, Targets } from '../mailboxes/targets.ts';
import { takeSpool, writeChunks } from './content.ts';

type Inserted = 'inserted' | 'duplicate';

interface Closing {
  readonly content: string;
  readonly appended: readonly AppendedRecord[];
}

export class Acceptor {
  readonly #context: Context;
  readonly #targets: Targets;
  readonly #inserts: Batches<ContentDocument, Inserted>;
  readonly #closings: Batches<Closing, null>;
  readonly #openings: Batches<string, null>;
  /** Whether an acceptance is open and this process's. */
  readonly #checks: Batches<string, boolean>;
  /** Acceptances that this process is about. */
  readonly #running = new Map<string, Promise<AcceptedMessage>>();
  readonly #closes = new Map<string, Promise<void>>();

  constructor(context: Context, targets: Targets) {
    const { database } = context;
    this.#context = context;
    this.#targets = targets;
    this.#inserts = new Batches(
      async (contents) => {
        // One whose answer was lost is a duplicate of itself then.
        const known = new Set(await patiently(database.patience, () => insertMissing(database.contents, contents)));
        return contents.map((_, i) => (known.has(i) ? 'duplicate' : 'inserted'));
      },
      { most: 200, atOnce: 4, octets: ({ bytes }) => 4000 + (bytes?.length ?? 0) },
    );
    this.#closings = new Batches<Closing, null>(
      async (closings) => {
        await database.contents.bulkWrite(
          closings.map(({ content, appended }) => ({
            updateOne: {
              filter: { _id: content, open: true },
              update: { $set: { appended }, $unset: { open: '', deliveries: '' } },
            },
          })),
          { ordered: false },
        );
        return closings.map(() => null);
      },
      { most: 500, atOnce: 2 },
    );
    this.#openings = new Batches<string, null>(
      async (contents) => {
        await database.queue.updateMany(
          { content: { $in: [...contents] }, draft: { $exists: true } },
          { $unset: { draft: '' } },
        );
        return contents.map(() => null);
      },
      { most: 500, atOnce: 4 },
    );
    this.#checks = new Batches<string, boolean>(
      async (contents) => {
        const found = await database.contents
          .find(
            { _id: { $in: [...contents] }, by: context.by, open: true },
            { projection: { _id: 1 }, batchSize: contents.length + 1 },
          )
          .toArray();
        const own = new Set(found.map(({ _id }) => _id));
        return contents.map((content) => own.has(content));
      },
      { most: 500, atOnce: 4 },
    );
  }

  /** Repeated with the same queue ID, also at the same moment, it has no further effect. */
  accept(acceptance: Acceptance): Promise<AcceptedMessage> {
    const { queueId } = acceptance;
    const running = this.#running.get(queueId);
    if (running !== undefined) return running;
    const accepting = this.#accept(acceptance)
      .catch((error: unknown) => {
        if (error instanceof TakenOverError) return this.#again(queueId);
        throw error;
      })
      .finally(() => {
        this.#running.delete(queueId);
        // What went wrong is looked after by housekeeping.
        if (!this.#closes.has(queueId)) this.#context.running.delete(queueId);
      });
    this.#running.set(queueId, accepting);
    this.#context.running.add(queueId);
    return accepting;
  }

  /** Waits until all documents are closed that can be. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.values());
    await Promise.allSettled(this.#closes.values());
  }

  async #accept(a: Acceptance): Promise<AcceptedMessage> {
    const { database, clock, by } = this.#context;
    const inline = a.content.kind === 'inline' ? a.content.bytes : null;
    const index = toColumns(a.index ?? indexMessage(inline ?? new Uint8Array(0)));
    const size = inline?.length ?? (a.content.kind === 'spooled' ? a.content.size : 0);
    const [deliveries, draft] = await bothOrUndo(
      this.#targets.resolve(a.deliveries, size),
      this.#prepare(
        a,
        inline !== null && inline.length > CHUNK_SIZE ? writeChunks(database, by, clock, inline) : null,
        size,
      ),
      () => this.#discard(a.queueId),
    );
    const document = contentDocument(a, this.#context.by, index, draft, size, deliveries);
    const held = this.#held(a.queueId);
    if ((await this.#inserts.add(document)) === 'duplicate') return this.#again(a.queueId);
    const appended = await this.#carryOut(document, deliveries, a.queued.length > 0, held);
    return { ...accepted(document._id, appended), messageId: index.messageId };
  }

  /** Step 1. Returns the content's place. */
  async #prepare(a: Acceptance, writing: Promise<ContentDraft> | null, size: number): Promise<ContentDraft> {
    const { database, clock } = this.#context;
    const [draft] = await Promise.all([
      writing ?? a.content,
      insertMissing(
        database.queue,
        a.queued.map((item, number) => itemDocument(a, item, number, size, clock())),
      ),
    ]);
    if (draft.kind === 'spooled' && !(await takeSpool(database, String(draft.spool), a.queueId)))
      throw new Error(`spool ${draft.spool} does not exist: it was discarded, accepted before, or swept`);
    return draft;
  }

  /** Nothing was accepted, also not by an earlier attempt: the drafts go. A spool that was taken is swept. */
  async #discard(queueId: string): Promise<void> {
    const { contents, queue } = this.#context.database;
    if ((await contents.findOne({ _id: queueId }, { projection: { _id: 1 } })) === null)
      await queue.deleteMany({ content: queueId, draft: { $exists: true } });
  }

  /** From now on; for an acceptance of which the database does not know yet that it is this process's. */
  #held(content: string): Held {
    return { since: performance.now(), check: () => this.#checks.add(content) };
  }

  /** Steps 3 and 4. */
  async #carryOut(
    document: ContentDocument,
    deliveries: readonly DeliveryRecord[],
    queued: boolean,
    held: Held,
  ): Promise<readonly AppendedRecord[]> {
    const closed = Promise.withResolvers<void>();
    closed.promise.catch(() => {});
    const part = { until: closed.promise, held };
    try {
      // All of them end before this does: whoever finishes the acceptance then is alone.
      const [outcomes, openings] = await Promise.all([
        Promise.allSettled(
          deliveries.map((delivery, number) => this.#targets.append(document, delivery, `d${number}`, part)),
        ),
        Promise.allSettled(queued ? [this.#openings.add(document._id)] : []),
      ]);
      for (const opening of openings) if (opening.status === 'rejected') throw opening.reason;
      const appended = await this.#resolve(document, deliveries, outcomes, queued, part);
      this.#close(document._id, appended, closed);
      return appended;
    } catch (error) {
      closed.reject(error);
      throw error;
    }
  }

  #close(content: string, appended: readonly AppendedRecord[], closed: PromiseWithResolvers<void>): void {
    const closing = this.#closings
      .add({ content, appended })
      // If it stays open, housekeeping closes it.
      .then(() => closed.resolve(), closed.reject)
      .finally(() => {
        this.#context.running.delete(content);
        this.#closes.delete(content);
      });
    this.#closes.set(content, closing);
  }

  /**
   * A mailbox that vanished between the look and the append: if nobody has the message yet, it was not accepted;
   * otherwise that recipient finds it in INBOX.
   */
  async #resolve(
    document: ContentDocument,
    deliveries: readonly DeliveryRecord[],
    outcomes: readonly PromiseSettledResult<AppendedRecord>[],
    queued: boolean,
    part: Part,
  ): Promise<readonly AppendedRecord[]> {
    const failed = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
    if (failed === undefined)
      return outcomes.map((outcome) => (outcome as PromiseFulfilledResult<AppendedRecord>).value);
    const other = outcomes.find((o) => o.status === 'rejected' && !(o.reason instanceof MailboxError));
    // It is accepted, but what was appended is not known: `finish` will see.
    if (other !== undefined) throw (other as PromiseRejectedResult).reason;
    if (!queued && outcomes.every(({ status }) => status === 'rejected')) {
      await this.#revoke(document._id);
      throw failed.reason;
    }
    return Promise.all(
      outcomes.map(async (outcome, number) => {
        if (outcome.status === 'fulfilled') return outcome.value;
        return this.#elsewhere(document, deliveries[number] as DeliveryRecord, number, part);
      }),
    );
  }

  /** The mailbox is gone. The reference gets another name, lest it goes with the mailbox's rows. */
  async #elsewhere(
    document: ContentDocument,
    delivery: DeliveryRecord,
    number: number,
    part: Part,
  ): Promise<AppendedRecord> {
    const { database, log } = this.#context;
    const { contents } = database;
    const [ref, other] = [`d${number}`, `e${number}`];
    const none: AppendedRecord = [delivery.mailbox, 0, 0];
    try {
      const mailbox = await this.#targets.inboxOf(delivery.account);
      const { matchedCount } = await contents.updateOne(
        { _id: document._id, refs: ref },
        { $set: { 'refs.$': other } },
      );
      // It had been appended there, and went with the mailbox.
      if (matchedCount === 0 && (await contents.findOne({ _id: document._id, refs: other })) === null) return none;
      return await this.#targets.appendOnce(document, { ...delivery, mailbox }, other, part);
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      log.warn(
        { queueId: document._id },
        `${document._id}: a recipient was removed during the delivery: ${error.message}`,
      );
      await dropReferences(
        database,
        [ref, other].map((name) => ({ content: document._id, ref: name })),
      );
      return none;
    }
  }

  /** Nothing of it is anywhere. */
  async #revoke(content: string): Promise<void> {
    const { database, by } = this.#context;
    const { matchedCount } = await database.contents.updateOne(
      { _id: content, by, open: true },
      { $set: { refs: [] } },
    );
    if (matchedCount === 0) throw new TakenOverError();
    await removeUnreferenced(database, [content]);
  }

  async #again(queueId: string): Promise<AcceptedMessage> {
    const document = await this.#context.database.contents.findOne({ _id: queueId }, { projection: { bytes: 0 } });
    if (document === null) throw new Error(`content ${queueId} is no longer in the store`);
    return { ...(await this.finish(document)), messageId: document.messageId };
  }

  /** Does what is left of an acceptance that another process, or this one, did not finish. */
  async finish(found: ContentDocument): Promise<Accepted> {
    const { database, by } = this.#context;
    const content = found._id;
    if (found.appended !== undefined) return accepted(content, found.appended);
    const held = this.#held(content);
    const document = await database.contents.findOneAndUpdate(
      { _id: content, open: true },
      { $set: { by } },
      { projection: { bytes: 0 }, returnDocument: 'after' },
    );
    if (document === null) return this.#finished(content);
    const closed = Promise.withResolvers<void>();
    closed.promise.catch(() => {});
    const part = { until: closed.promise, held };
    try {
      const appended: AppendedRecord[] = [];
      for (const [number, delivery] of (document.deliveries ?? []).entries())
        appended.push(await this.#place(document, delivery, number, part));
      await this.#openings.add(content);
      await this.#closings.add({ content, appended });
      closed.resolve();
      // Of one that was revoked, or whose recipients are gone.
      await removeUnreferenced(database, [content]);
      return accepted(content, appended);
    } catch (error) {
      closed.reject(error);
      throw error;
    }
  }

  /** By another process, meanwhile. */
  async #finished(content: string): Promise<Accepted> {
    const { contents } = this.#context.database;
    const document = await contents.findOne({ _id: content }, { projection: { appended: 1 } });
    if (document?.appended === undefined) throw new TakenOverError();
    return accepted(content, document.appended);
  }

  async #place(
    document: ContentDocument,
    delivery: DeliveryRecord,
    number: number,
    part: Part,
  ): Promise<AppendedRecord> {
    try {
      if (!document.refs.includes(`e${number}`))
        return await this.#targets.appendOnce(document, delivery, `d${number}`, part);
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
    }
    return this.#elsewhere(document, delivery, number, part);
  }

  /** For housekeeping: finishes one, and says why if it cannot. */
  async tryToFinish(document: ContentDocument): Promise<void> {
    try {
      await this.finish(document);
    } catch (error) {
      if (error instanceof TakenOverError) return;
      this.#context.log.warn(
        { err: error, queueId: document._id },
        `${document._id}: its acceptance cannot be finished now: ${messageOf(error)}`,
      );
    }
  }
}

export const accepted = (content: Id, appended: readonly AppendedRecord[]): Accepted => ({
  content,
  appended: appended.map(([mailbox, uid, uidValidity]) => ({ mailbox, uid, uidValidity })),
});

function contentDocument(
  a: Acceptance,
  by: string,
  index: IndexColumns,
  draft: ContentDraft,
  size: number,
  deliveries: readonly DeliveryRecord[],
): ContentDocument {
  const local = deliveries.length > 0;
  return {
    _id: a.queueId,
    open: true,
    by,
    deliveries,
    refs: [...deliveries.map((_, number) => `d${number}`), ...a.queued.map((_, number) => `q${number}`)],
    size,
    arrivedAt: Math.trunc(a.arrivedAt),
    local,
    ...(local ? { unprepared: true as const } : {}),
    reversePath: a.envelope.reversePath,
    ret: a.envelope.ret,
    envid: a.envelope.envid,
    smtputf8: a.envelope.smtputf8,
    body: a.envelope.body,
    ...(draft.kind === 'inline' ? { bytes: draft.bytes } : { chunks: String(draft.spool) }),
    ...index,
  };
}

const itemDocument = (
  a: Acceptance,
  item: QueueItemDraft,
  number: number,
  size: number,
  now: number,
): ItemDocument => ({
  _id: `${a.queueId}.${number}`,
  content: a.queueId,
  draft: now,
  recipient: item.recipient,
  original: item.original,
  notify: item.notify,
  orcpt: item.orcpt,
  ...queueExtras(item),
  destination: item.destination,
  state: item.state === 'hold' ? 2 : 0,
  dueAt: Math.trunc(a.arrivedAt),
  wasDue: Math.trunc(a.arrivedAt),
  attempts: 0,
  warned: false,
  lastReply: null,
  claim: null,
  by: null,
  size,
  reversePath: item.sender ?? a.envelope.reversePath,
  ret: a.envelope.ret,
  envid: a.envelope.envid,
  smtputf8: a.envelope.smtputf8,
  body: a.envelope.body,
  arrivedAt: Math.trunc(a.arrivedAt),
});

/**
 * Both at the same time; if one fails, what the other has done is undone. A database that is away would only let the
 * client wait once more: what is left is swept.
 */
async function bothOrUndo<A, B>(one: Promise<A>, other: Promise<B>, undo: () => Promise<void>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([one, other]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value];
  const { reason } = first.status === 'rejected' ? first : (second as PromiseRejectedResult);
  if (!isPassing(reason)) await undo().catch(() => {});
  throw reason;
}
