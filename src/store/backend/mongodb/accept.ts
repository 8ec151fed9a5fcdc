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
 * the mailbox's journal until the document is closed, so nothing is appended twice.
 */
import { messageOf } from '../../../errors.ts';
import type { Id } from '../../../mail/account.ts';
import { indexMessage } from '../../../protocol/mime/indexer.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../content.ts';
import { MailboxError } from '../../mailboxes.ts';
import type { QueueItemDraft } from '../../queue.ts';
import type { Acceptance, Accepted, AcceptedMessage } from '../../store.ts';
import { type IndexColumns, toColumns } from '../index-columns.ts';
import { Batches } from './batches.ts';
import { takeSpool, writeChunks } from './content.ts';
import type { Context } from './context.ts';
import type { AppendedRecord, ContentDocument, DeliveryRecord, ItemDocument } from './documents.ts';
import { isPassing } from './failure.ts';
import { insertMissing } from './insert.ts';
import { removeUnreferenced } from './references.ts';
import { patiently } from './retries.ts';
import type { Targets } from './targets.ts';

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
  /** Acceptances that this process is about. */
  readonly #running = new Map<string, Promise<AcceptedMessage>>();
  readonly #closes = new Set<Promise<void>>();

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
              filter: { _id: content },
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
        await database.queue.updateMany({ content: { $in: [...contents] }, draft: true }, { $unset: { draft: '' } });
        return contents.map(() => null);
      },
      { most: 500, atOnce: 4 },
    );
  }

  /** Repeated with the same queue ID, also at the same moment, it has no further effect. */
  accept(acceptance: Acceptance): Promise<AcceptedMessage> {
    const { queueId } = acceptance;
    const running = this.#running.get(queueId);
    if (running !== undefined) return running;
    const accepting = this.#accept(acceptance).finally(() => this.#running.delete(queueId));
    this.#running.set(queueId, accepting);
    this.#context.running.add(queueId);
    return accepting;
  }

  /** Waits until all documents are closed that can be. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#running.values(), ...this.#closes]);
    await Promise.allSettled(this.#closes);
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
    if ((await this.#inserts.add(document)) === 'duplicate') return this.#again(a.queueId);
    const appended = await this.#carryOut(document, deliveries, a.queued.length > 0);
    return { ...accepted(document._id, appended), messageId: index.messageId };
  }

  /** Step 1. Returns the content's place. */
  async #prepare(a: Acceptance, writing: Promise<ContentDraft> | null, size: number): Promise<ContentDraft> {
    const { database } = this.#context;
    const [draft] = await Promise.all([
      writing ?? a.content,
      insertMissing(
        database.queue,
        a.queued.map((item, number) => itemDocument(a, item, number, size)),
      ),
    ]);
    if (draft.kind === 'spooled' && !(await takeSpool(database, String(draft.spool), a.queueId)))
      throw new Error(`spool ${draft.spool} does not exist: it was discarded, accepted before, or swept`);
    return draft;
  }

  /** Nothing was accepted: the drafts go. A spool that was taken is swept. */
  async #discard(queueId: string): Promise<void> {
    await this.#context.database.queue.deleteMany({ content: queueId, draft: true });
  }

  /** Steps 3 and 4. */
  async #carryOut(
    document: ContentDocument,
    deliveries: readonly DeliveryRecord[],
    queued: boolean,
  ): Promise<readonly AppendedRecord[]> {
    const closed = Promise.withResolvers<void>();
    closed.promise.catch(() => {});
    const [outcomes] = await Promise.all([
      Promise.allSettled(
        deliveries.map((delivery, number) => this.#targets.append(document, delivery, `d${number}`, closed.promise)),
      ),
      queued ? this.#openings.add(document._id) : undefined,
    ]);
    try {
      const appended = await this.#resolve(document, deliveries, outcomes, queued, closed.promise);
      this.#close(document._id, appended, closed);
      return appended;
    } catch (error) {
      closed.reject(error);
      this.#context.running.delete(document._id);
      throw error;
    }
  }

  #close(content: string, appended: readonly AppendedRecord[], closed: PromiseWithResolvers<void>): void {
    const closing = this.#closings
      .add({ content, appended })
      // If it stays open, housekeeping closes it.
      .then(() => closed.resolve(), closed.reject)
      .finally(() => this.#context.running.delete(content));
    this.#closes.add(closing);
    void closing.finally(() => this.#closes.delete(closing));
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
    closed: Promise<void>,
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
        const delivery = deliveries[number] as DeliveryRecord;
        return this.#elsewhere(document, delivery, `d${number}`, closed);
      }),
    );
  }

  async #elsewhere(
    document: ContentDocument,
    delivery: DeliveryRecord,
    ref: string,
    closed: Promise<void>,
  ): Promise<AppendedRecord> {
    const { database, log } = this.#context;
    try {
      const [inbox] = await this.#targets.resolve([{ ...localDelivery(delivery), mailbox: { name: 'INBOX' } }], 0);
      if (inbox === undefined) throw new MailboxError('nonexistent', 'the account no longer exists');
      return await this.#targets.append(document, inbox, ref, closed);
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      log.warn(
        { queueId: document._id },
        `${document._id}: a recipient was removed during the delivery: ${error.message}`,
      );
      await database.contents.updateOne({ _id: document._id }, { $pull: { refs: ref } });
      return [delivery.mailbox, 0, 0];
    }
  }

  /** Nothing of it is anywhere. */
  async #revoke(content: string): Promise<void> {
    const { database } = this.#context;
    await database.contents.updateOne({ _id: content }, { $set: { refs: [] } });
    await removeUnreferenced(database, [content]);
  }

  async #again(queueId: string): Promise<AcceptedMessage> {
    const document = await this.#context.database.contents.findOne({ _id: queueId }, { projection: { bytes: 0 } });
    if (document === null) throw new Error(`content ${queueId} is no longer in the store`);
    return { ...(await this.finish(document)), messageId: document.messageId };
  }

  /** Does what is left of an acceptance that another process, or this one, did not finish. */
  async finish(document: ContentDocument): Promise<Accepted> {
    const content = document._id;
    if (document.appended !== undefined) return accepted(content, document.appended);
    const closed = Promise.withResolvers<void>();
    closed.promise.catch(() => {});
    const appended: AppendedRecord[] = [];
    for (const [number, delivery] of (document.deliveries ?? []).entries()) {
      const ref = `d${number}`;
      try {
        appended.push(await this.#targets.appendOnce(document, delivery, ref, closed.promise));
      } catch (error) {
        if (!(error instanceof MailboxError)) throw error;
        appended.push(await this.#elsewhere(document, delivery, ref, closed.promise));
      }
    }
    await this.#openings.add(content);
    try {
      await this.#closings.add({ content, appended });
      closed.resolve();
    } catch (error) {
      closed.reject(error);
      throw error;
    }
    return accepted(content, appended);
  }

  /** For housekeeping: finishes one, and says why if it cannot. */
  async tryToFinish(document: ContentDocument): Promise<void> {
    try {
      await this.finish(document);
    } catch (error) {
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

const localDelivery = (d: DeliveryRecord) => ({
  account: d.account,
  prefix: d.prefix,
  flags: [],
  internalDate: d.date,
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

const itemDocument = (a: Acceptance, item: QueueItemDraft, number: number, size: number): ItemDocument => ({
  _id: `${a.queueId}.${number}`,
  content: a.queueId,
  draft: true,
  recipient: item.recipient,
  original: item.original,
  notify: item.notify,
  orcpt: item.orcpt,
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
  reversePath: a.envelope.reversePath,
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
