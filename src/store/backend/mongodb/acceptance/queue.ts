/**
 * The queue. Items are leased by compare-and-set on the time at which they are due: of two processes that want the same
 * item one gets it. The lease moves that time to its own end, so that an item whose process died is due again then, or
 * at once when the death is noticed. Only the claim that holds an item can defer or release it; that it was delivered
 * counts in any case: its reference goes before the item, and an item without reference is never handed out again.
 */
import type { Filter } from 'mongodb';
import type { Id } from '../../../../mail/account.ts';
import type { Queue, QueueFilter, QueueItem, QueueState, Settlement } from '../../../queue.ts';
import { queueExtras } from '../../../queue-extras.ts';
import type { Context } from '../context.ts';
import type { ItemDocument } from '../database/documents.ts';
import { dropReferences, slices } from '../database/references.ts';
import { newId } from '../log/mailbox-state.ts';
import { TakenOverError } from '../log/taken-over.ts';

export const STATES: readonly QueueState[] = ['incoming', 'deferred', 'hold'];
const HOLD = 2;
/** Items per page of a listing, and per command. */
const PAGE = 500;
/** How long it is looked for what a claim may have got whose answer was lost, ms: a server that hung does it later. */
const LOST_FOR = 60_000;
/**
 * When a claim is answered that was begun longer ago, ms, this process may have stood still, and others take over what
 * it claimed. Shorter than any silence that they take for death.
 */
const SURELY_HELD = 2_000;
/** How long items are leased that are about to be removed, ms. */
const REMOVAL = 60_000;

export interface MongoQueue extends Queue {
  /** Makes due what a dead process had leased. */
  releaseLeasesOf(process: string): Promise<void>;
}

/** What the queue knows of the processes (MongoCluster). */
export interface Processes {
  /** This process cannot tell the others that it is alive, so they may take what it claims. */
  readonly isIsolated: boolean;
  readonly deaths: number;
  confirm(): Promise<number>;
  declareDead(process: string): Promise<boolean>;
}

export function createQueue(context: Context, processes: Processes): MongoQueue {
  const { queue } = context.database;
  /** Claims of this process by item. */
  const claims = new Map<string, ItemDocument>();
  /** Claims that failed, and until when they are looked for: nobody knows that they hold something. */
  const lost = new Map<string, number>();

  const find = (filter: Filter<ItemDocument>, limit: number): Promise<ItemDocument[]> =>
    queue
      .find({ draft: { $exists: false }, ...filter }, { sort: { dueAt: 1, _id: 1 }, limit, batchSize: limit + 1 })
      .toArray();

  /** Each of them whose due time is still the same. Returns those that this claim got. */
  const lease = async (claim: string, items: readonly ItemDocument[], until: number): Promise<ItemDocument[]> => {
    const { matchedCount } = await queue.bulkWrite(
      items.map((item) => ({
        updateOne: {
          filter: { _id: item._id, dueAt: item.dueAt, state: { $lt: HOLD } },
          update: { $set: { claim, by: context.by, dueAt: until, wasDue: trueDue(item) } },
        },
      })),
      { ordered: false },
    );
    const leased = items.map((item) => ({ ...item, claim, by: context.by, wasDue: trueDue(item), dueAt: until }));
    if (matchedCount === items.length) return leased;
    const got = await queue
      .find({ _id: { $in: items.map(({ _id }) => _id) }, claim }, { projection: { _id: 1 } })
      .toArray();
    const ids = new Set(got.map(({ _id }) => _id));
    return leased.filter(({ _id }) => ids.has(_id));
  };

  /** Leases them whoever holds them: they are about to be removed. */
  const seize = async (items: readonly ItemDocument[]): Promise<void> => {
    const lease = { claim: newId(), by: context.by, dueAt: context.clock() + REMOVAL };
    await queue.bulkWrite(
      items.map((item) => ({
        updateOne: { filter: { _id: item._id }, update: { $set: { ...lease, wasDue: trueDue(item) } } },
      })),
      { ordered: false },
    );
  };

  /** Those that were not delivered; the others are removed. */
  const withoutDelivered = async (items: readonly ItemDocument[]): Promise<ItemDocument[]> => {
    if (items.length === 0) return [];
    const found = await context.database.contents
      .find(
        { _id: { $in: [...new Set(items.map(({ content }) => content))] } },
        { projection: { refs: 1 }, batchSize: items.length + 1 },
      )
      .toArray();
    const refs = new Map(found.map((content) => [content._id, new Set(content.refs)]));
    const isDone = (item: ItemDocument): boolean => refs.get(item.content)?.has(refOfItem(item)) !== true;
    const done = items.filter(isDone);
    await removeItems(done.map(({ _id }) => _id));
    return items.filter((item) => !done.includes(item));
  };

  const settle = async (settlements: readonly Settlement[]): Promise<void> => {
    const done = settlements.filter(({ outcome }) => outcome === 'done').map(({ item }) => String(item));
    const others = settlements.flatMap((s) => {
      const held = claims.get(String(s.item));
      return s.outcome === 'done' || held === undefined ? [] : [update(s, held)];
    });
    await Promise.all([
      removeItems(done),
      others.length === 0 ? undefined : queue.bulkWrite(others, { ordered: false }),
    ]);
    for (const { item } of settlements) claims.delete(String(item));
  };

  /** Of items that are leased: if this process dies in between, the next one finds the references gone. */
  const removeItems = async (ids: readonly string[]): Promise<void> => {
    for (const some of slices(ids, PAGE)) {
      await dropReferences(
        context.database,
        some.map((id) => ({ content: contentOf(id), ref: refOfItem({ _id: id }) })),
      );
      await queue.deleteMany({ _id: { $in: some } });
    }
  };

  const releaseItems = async (items: readonly ItemDocument[]): Promise<void> => {
    for (const some of slices(await withoutDelivered(items), PAGE))
      await queue.bulkWrite(
        some.map(({ _id, claim, wasDue }) => ({
          updateOne: { filter: { _id, claim }, update: { $set: { claim: null, by: null, dueAt: wasDue } } },
        })),
        { ordered: false },
      );
  };

  const releaseLost = async (): Promise<void> => {
    if (lost.size === 0) return;
    for await (const page of listed({ by: context.by, claim: { $in: [...lost.keys()] } })) await releaseItems(page);
    const now = performance.now();
    for (const [claim, until] of lost) if (until < now) lost.delete(claim);
  };

  /** Of these, what is still free and was not delivered. */
  const take = async (claim: string, wanted: readonly ItemDocument[], until: number): Promise<ItemDocument[]> => {
    const leased = await lease(claim, wanted, until);
    // What was claimed before may have been delivered by who claimed it.
    const tried = new Set(wanted.filter((item) => item.claim !== null || item.state > 0).map(({ _id }) => _id));
    const isFresh = ({ _id }: ItemDocument): boolean => !tried.has(_id);
    return [...leased.filter(isFresh), ...(await withoutDelivered(leased.filter((item) => !isFresh(item))))];
  };

  async function* listed(filter: Filter<ItemDocument>): AsyncIterable<ItemDocument[]> {
    for (let after = ''; ; ) {
      const page = await queue
        .find(
          { draft: { $exists: false }, ...filter, ...(after === '' ? {} : { _id: { $gt: after } }) },
          {
            sort: { _id: 1 },
            limit: PAGE,
            batchSize: PAGE + 1,
          },
        )
        .toArray();
      if (page.length > 0) yield page;
      if (page.length < PAGE) return;
      after = page.at(-1)?._id ?? '';
    }
  }

  const change = async (filter: QueueFilter, more: Filter<ItemDocument>, set: Partial<ItemDocument>): Promise<number> =>
    (await queue.updateMany({ ...toFilter(filter), draft: { $exists: false }, ...more }, { $set: set })).matchedCount;

  return {
    async claim({ now, limit, leaseMs, exclude }) {
      const [begun, { deaths, isIsolated }] = [performance.now(), processes];
      if (isIsolated) return [];
      await releaseLost();
      const due = { dueAt: { $lte: now }, ...(exclude.length === 0 ? {} : { destination: { $nin: [...exclude] } }) };
      const [fresh, deferred] = await Promise.all([
        find({ ...due, state: 0 }, limit),
        find({ ...due, state: 1 }, limit),
      ]);
      const wanted = [...fresh, ...deferred].slice(0, limit);
      if (wanted.length === 0) return [];
      const claim = newId();
      try {
        const items = await take(claim, wanted, now + leaseMs);
        if (performance.now() - begun > SURELY_HELD && (await processes.confirm()) !== deaths)
          throw new TakenOverError();
        for (const item of items) claims.set(item._id, item);
        return items.map(toItem);
      } catch (error) {
        lost.set(claim, performance.now() + LOST_FOR);
        throw error;
      }
    },
    settle,
    async nextDue() {
      const [first] = await queue
        .find(
          { draft: { $exists: false }, state: { $lt: HOLD }, claim: null },
          { sort: { dueAt: 1 }, limit: 1, projection: { dueAt: 1 } },
        )
        .toArray();
      return first?.dueAt ?? null;
    },
    async *list(filter = {}) {
      for await (const page of listed(toFilter(filter))) yield page.map(toItem);
    },
    async flush(filter, now) {
      const [free, leased] = await Promise.all([
        change(filter, { state: { $lt: HOLD }, claim: null }, { dueAt: now }),
        change(filter, { state: { $lt: HOLD }, claim: { $ne: null } }, { wasDue: now }),
      ]);
      return free + leased;
    },
    hold: (filter) => change(filter, { state: { $lt: HOLD } }, { state: HOLD }),
    async release(filter, now) {
      // Back to its state before the hold: fresh if it was never tried.
      const fresh = await change(filter, { state: HOLD, attempts: 0 }, { state: 0, dueAt: now, wasDue: now });
      return (
        fresh + (await change(filter, { state: HOLD, attempts: { $gt: 0 } }, { state: 1, dueAt: now, wasDue: now }))
      );
    },
    async redirect(filter, destination, now) {
      const [free, leased] = await Promise.all([
        change(filter, { claim: null }, { destination, dueAt: now }),
        change(filter, { claim: { $ne: null } }, { destination, wasDue: now }),
      ]);
      return free + leased;
    },
    async remove(filter) {
      let count = 0;
      for await (const page of listed(toFilter(filter))) {
        await seize(page);
        await removeItems(page.map(({ _id }) => _id));
        count += page.length;
      }
      return count;
    },
    /** Those of other processes end when these die. */
    async recover() {
      for await (const page of listed({ by: context.by })) await releaseItems(page);
      claims.clear();
    },
    /**
     * What is found is what it had before its last sign of life: only then it is declared dead, and it claims nothing
     * before the next one.
     */
    async releaseLeasesOf(process) {
      const found: ItemDocument[] = [];
      for await (const page of listed({ by: process })) found.push(...page);
      if (found.length > 0 && (await processes.declareDead(process))) await releaseItems(found);
    },
  };
}

/** What ends a claim without ending the item: only by the claim that holds it. */
function update(s: Settlement, held: ItemDocument) {
  const filter = { _id: held._id, claim: held.claim };
  const free = { claim: null, by: null };
  if (s.outcome !== 'deferred') return { updateOne: { filter, update: { $set: { ...free, dueAt: held.wasDue } } } };
  const warned = s.warned === undefined ? {} : { warned: s.warned };
  return {
    updateOne: {
      filter,
      update: {
        $set: { ...free, dueAt: s.dueAt, wasDue: s.dueAt, lastReply: s.reply, ...warned },
        $inc: { attempts: 1 },
        // An item that was put on hold during its delivery stays on hold.
        $max: { state: 1 },
      },
    },
  };
}

/** `QUEUEID.NUMBER` */
const contentOf = (item: string): string => item.slice(0, item.lastIndexOf('.'));
export const refOfItem = ({ _id }: Pick<ItemDocument, '_id'>): string => `q${_id.slice(_id.lastIndexOf('.') + 1)}`;

/** Of a leased item `dueAt` is the end of the lease. */
const trueDue = ({ claim, dueAt, wasDue }: ItemDocument): number => (claim === null ? dueAt : wasDue);

const toFilter = ({ queueIds, destination, state }: QueueFilter): Filter<ItemDocument> => ({
  ...(queueIds === undefined ? {} : { content: { $in: [...queueIds] } }),
  ...(destination === undefined ? {} : { destination }),
  ...(state === undefined ? {} : { state: STATES.indexOf(state) }),
});

const toItem = (d: ItemDocument): QueueItem => ({
  id: d._id as Id,
  queueId: d.content,
  content: d.content,
  size: d.size,
  recipient: d.recipient,
  original: d.original,
  notify: d.notify,
  orcpt: d.orcpt,
  ...queueExtras(d),
  destination: d.destination,
  state: STATES[d.state] ?? 'hold',
  reversePath: d.reversePath,
  ret: d.ret,
  envid: d.envid,
  smtputf8: d.smtputf8,
  body: d.body,
  arrivedAt: d.arrivedAt,
  dueAt: trueDue(d),
  attempts: d.attempts,
  warned: d.warned,
  lastReply: d.lastReply,
  active: d.claim !== null,
});
