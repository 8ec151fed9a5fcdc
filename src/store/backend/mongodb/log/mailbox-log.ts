/**
 * Changes of mailboxes, one lane for each mailbox in which something happens. What waits in a lane is decided together,
 * on one state of the mailbox, and enters its journal with one compare-and-set; if another process was first, it is
 * decided again. From then on it is durable and reported; then it is brought into the rows.
 *
 *   a lane:  deciding ──lost──> deciding ──won──> told, answered ──> applied to the rows ──finished──> out of the journal
 *
 * A process that dies anywhere after `won` leaves the operation in the journal: whoever looks at the mailbox next
 * applies it first (`current`).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Log } from '../../../../log.ts';
import type { Change } from '../../../../mail/change.ts';
import { MailboxError, type UidRanges } from '../../../mailboxes.ts';
import type { Database } from '../database/database.ts';
import { type MailboxDocument, type Operation, oneMailbox } from '../database/documents.ts';
import { isPassing } from '../database/failure.ts';
import { keyFilters } from '../database/ranges.ts';
import { Retries } from '../database/retries.ts';
import { type Applying, applyOperations } from './apply.ts';
import { type CompareAndSet, createCompareAndSet } from './compare-and-set.ts';
import { removeOperations } from './journals.ts';
import { MailboxState, type StateRow } from './mailbox-state.ts';
import { createRowInserts } from './row-inserts.ts';
import { soughtOperations } from './sought.ts';
import { type Held, TakenOverError } from './taken-over.ts';

/** What an operation decides on, and what it decides. `act` may be called several times: it must not keep anything. */
export interface Decision<T> {
  /** The rows that it looks at; null: none. */
  readonly needs: UidRanges | null;
  act(state: MailboxState): T;
  /** The operation stays in the journal until then: someone else looks for it there. */
  readonly until?: Promise<unknown>;
  /** Of an operation that another process finishes if it takes this one for dead. */
  readonly held?: Held;
}

export interface Decided<T> {
  readonly result: T;
  /** Resolves when the rows have it; rejects never. */
  readonly applied: Promise<void>;
}

export type Tell = (mailbox: string, from: number, to: number, changes: readonly Change[]) => void;

interface Waiting {
  readonly decision: Decision<unknown>;
  readonly resolve: (decided: Decided<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  readonly mailbox: string;
  waiting: Waiting[];
  running: boolean;
  /** The mailbox as it was last seen; null: to be read. */
  known: MailboxDocument | null;
  /** When it was read; what this process did itself is in it since. */
  readAt: number;
  /** Ends when all own operations so far are in the rows. */
  applying: Promise<void>;
  /** Own operations that have not been applied yet. */
  pending: number;
  /** Own operations that may leave the journal. */
  readonly finished: Map<string, Operation>;
  /** Own operations that are in the rows; whether somebody still looks for them is to be asked. */
  readonly loose: Map<string, Operation>;
}

/** Decided together. */
const TOGETHER = 200;
/** Mailboxes whose documents are remembered. */
const KNOWN = 5000;
/** Operations of others known to be in the rows. */
const APPLIED = 20_000;
/** How often finished operations are removed from journals, ms; and mailboxes per command. */
const TIDY_EVERY = 1000;
const TIDIED = 500;
/** Attempts lost to other processes. */
const LOST = 100;

const GONE = (): MailboxError => new MailboxError('nonexistent', 'the mailbox no longer exists');

export class MailboxLog {
  readonly #database: Database;
  readonly #by: string;
  readonly #log: Log;
  readonly #tell: Tell;
  readonly #exchange: CompareAndSet;
  readonly #applying: Applying;
  /** Lanes in use. */
  readonly #lanes = new Map<string, Lane>();
  readonly #known = new LRUCache<string, Pick<Lane, 'known' | 'readAt'>>({ max: KNOWN });
  readonly #applied = new LRUCache<string, true>({ max: APPLIED });
  /** Mailboxes whose journals may have operations of this process that are not in the rows. */
  readonly #behind = new Set<string>();
  #tidying: NodeJS.Timeout | null = null;
  #closed = false;

  /** `by`: this process. `tell` hears what is durable, in order. */
  constructor(database: Database, by: string, log: Log, tell: Tell) {
    this.#database = database;
    this.#by = by;
    this.#log = log;
    this.#tell = tell;
    this.#exchange = createCompareAndSet(database);
    this.#applying = { database, inserts: createRowInserts(database) };
  }

  /** Decisions on one mailbox are made in the order of these calls. Rejects with what `act` throws. */
  change<T>(mailbox: string, decision: Decision<T>): Promise<Decided<T>> {
    return new Promise((resolve, reject) => {
      const lane = this.#lane(mailbox);
      lane.waiting.push({ decision, resolve: resolve as (decided: Decided<unknown>) => void, reject });
      if (lane.running) return;
      lane.running = true;
      // What is asked for in the same tick is decided together.
      queueMicrotask(() => void this.#run(lane));
    });
  }

  /** The mailbox as it is now, with everything in its journal brought into the rows. Throws MailboxError. */
  async current(mailbox: string): Promise<MailboxDocument> {
    const document = await this.#read(mailbox);
    if (document === null) throw GONE();
    this.#freshen(document);
    await this.#bringIn(document);
    return document;
  }

  /** What is decided next is decided on what was seen: who looks, and decides then, must not see more than the lane. */
  #freshen(document: MailboxDocument): void {
    const lane = this.#lanes.get(document._id);
    if (lane === undefined || (lane.known !== null && lane.known.modseq >= document.modseq)) return;
    lane.known = document;
    lane.readAt = performance.now();
  }

  /** Brings the journals of these documents into the rows. */
  async bringIn(documents: readonly MailboxDocument[]): Promise<void> {
    await Promise.all(documents.map((document) => this.#bringIn(document)));
  }

  /** Waits until the rows have what this process did in the mailbox, and what others had done before. */
  async settled(mailbox: string): Promise<void> {
    const lane = this.#lanes.get(mailbox);
    if (lane === undefined) return;
    await lane.applying;
    // A process that appended must not see its own message before those of others with lower UIDs.
    if (lane.known !== null) await this.#bringIn(lane.known);
  }

  /** A mailbox that was created, or seen anyway. */
  remember(document: MailboxDocument): void {
    if (!this.#lanes.has(document._id)) this.#known.set(document._id, { known: document, readAt: performance.now() });
  }

  /** It was changed in another way. */
  forget(mailbox: string): void {
    this.#known.delete(mailbox);
    const lane = this.#lanes.get(mailbox);
    if (lane !== undefined) lane.known = null;
  }

  knows(mailbox: string): boolean {
    return this.#known.has(mailbox) || this.#lanes.has(mailbox);
  }

  /**
   * The mailbox as it is now; null if it does not exist. What any process decided on an earlier state, and has not done
   * yet, cannot be done any more.
   */
  fence(mailbox: string): Promise<MailboxDocument | null> {
    return this.#database.mailboxes.findOneAndUpdate(
      { ...oneMailbox(mailbox), removed: { $exists: false } },
      { $inc: { modseq: 1 } },
      { returnDocument: 'after' },
    );
  }

  /** Operations of this process leave the journals; a dead one's are removed with `by`. */
  async close(): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => this.#idle(lane)));
    this.#closed = true;
    if (this.#tidying !== null) clearTimeout(this.#tidying);
    await this.#tidy();
  }

  /** Removes what a dead process left in journals, after bringing it into the rows. */
  async takeOver(dead: string): Promise<void> {
    for (let after = ''; ; ) {
      const left = await this.#database.mailboxes
        .find({ 'journal.by': dead, _id: { $gt: after } }, { sort: { _id: 1 }, limit: TIDIED, batchSize: TIDIED + 1 })
        .toArray();
      await this.bringIn(left);
      const own = left.map(({ _id, journal }) => ({
        mailbox: _id,
        operations: journal.filter(({ by }) => by === dead),
      }));
      const sought = await soughtOperations(
        this.#database,
        own.flatMap(({ operations }) => operations),
      );
      const over = own.map(({ mailbox, operations }) => ({
        mailbox,
        operations: operations.filter(({ id }) => !sought.has(id)),
      }));
      await removeOperations(
        this.#database,
        over.filter(({ operations }) => operations.length > 0),
      );
      if (left.length < TIDIED) return;
      after = left.at(-1)?._id ?? '';
    }
  }

  #lane(mailbox: string): Lane {
    let lane = this.#lanes.get(mailbox);
    if (lane === undefined) {
      lane = {
        mailbox,
        waiting: [],
        running: false,
        ...(this.#known.get(mailbox) ?? { known: null, readAt: 0 }),
        applying: Promise.resolve(),
        pending: 0,
        finished: new Map(),
        loose: new Map(),
      };
      this.#lanes.set(mailbox, lane);
    }
    return lane;
  }

  async #idle(lane: Lane): Promise<void> {
    while (lane.running) await delay(5);
    await lane.applying;
  }

  async #run(lane: Lane): Promise<void> {
    while (lane.waiting.length > 0) {
      const some = lane.waiting.splice(0, TOGETHER);
      try {
        await this.#decide(lane, some);
      } catch (error) {
        lane.known = null;
        for (const { reject } of some) reject(error);
      }
    }
    lane.running = false;
    this.#tidyLater();
  }

  async #decide(lane: Lane, asked: readonly Waiting[]): Promise<void> {
    const { mailbox } = lane;
    const retries = new Retries(this.#database.patience);
    let some = asked;
    // Updates whose answers were lost: each may have been made, or be made yet.
    const doubtful: Verdict[] = [];
    for (let lost = 0; ; ) {
      let verdict: Verdict | null = null;
      try {
        const document = await this.#look(lane);
        if (document === null) throw GONE();
        const made = doubtful.find(({ operation }) => document.journal.some(({ id }) => id === operation));
        if (made !== undefined) return this.#won(lane, document, made);
        some = await this.#stillHeld(lane, some);
        if (some.length === 0) return;
        const state = await this.#state(document, some);
        const answers = some.map(({ decision }) => attempt(decision, state));
        const [first] = state.operations;
        if (first === undefined) return answer(some, answers, Promise.resolve());
        verdict = { asked: some, state, answers, operation: first.id };
        const finished = [...lane.finished.values()].filter(canLeaveAtOnce);
        const next = nextOf(document, state, finished);
        if (await this.#exchange({ mailbox, expected: document, set: next, operation: first.id })) {
          for (const { id } of finished) lane.finished.delete(id);
          return this.#won(lane, { ...document, ...next }, verdict);
        }
        lost += 1;
        if (lost === LOST) throw new Error(`${mailbox}: other processes change this mailbox all the time`);
        if (lost > 3) await delay(Math.random() * Math.min(100, lost * 5));
      } catch (error) {
        if (verdict !== null) doubtful.push(verdict);
        if (!isPassing(error) || !(await retries.again())) {
          // One of them may be in the journal: it is brought into the rows soon, though nobody looks.
          if (doubtful.length > 0) this.#behind.add(mailbox);
          throw error;
        }
      }
      lane.known = null;
    }
  }

  async #look(lane: Lane): Promise<MailboxDocument | null> {
    if (lane.known === null) {
      lane.known = await this.#read(lane.mailbox);
      lane.readAt = performance.now();
    }
    return lane.known;
  }

  /**
   * Those that nobody has taken over. Whoever takes one over changes the mailbox afterwards, so what is decided on a
   * state from before it was begun is lost then, and need not be asked about.
   */
  async #stillHeld(lane: Lane, some: readonly Waiting[]): Promise<readonly Waiting[]> {
    const lost = new Set<Waiting>();
    await Promise.all(
      some.map(async (waiting) => {
        const { held } = waiting.decision;
        if (held === undefined || lane.readAt <= held.since || (await held.check())) return;
        lost.add(waiting);
        waiting.reject(new TakenOverError());
      }),
    );
    return lost.size === 0 ? some : some.filter((waiting) => !lost.has(waiting));
  }

  async #state(document: MailboxDocument, some: readonly Waiting[]): Promise<MailboxState> {
    const needs = some.flatMap(({ decision }) => decision.needs ?? []);
    if (needs.length === 0) return new MailboxState(document, [], this.#by);
    await this.#bringIn(document);
    return new MailboxState(document, await this.#rows(document._id, needs), this.#by);
  }

  async #rows(mailbox: string, uids: UidRanges): Promise<StateRow[]> {
    const rows: StateRow[] = [];
    for (const filter of keyFilters(mailbox, merged(uids))) {
      const found = this.#database.messages.find<StateRow>(
        { ...filter, gone: { $exists: false } },
        {
          projection: { _id: 0, uid: 1, modseq: 1, mask: 1, keywords: 1, size: 1 },
          sort: { _id: 1 },
          batchSize: 10_000,
        },
      );
      for await (const row of found) rows.push(row);
    }
    return rows;
  }

  #won(lane: Lane, document: MailboxDocument, { asked, state, answers }: Verdict): void {
    lane.known = document;
    lane.pending += 1;
    const until = asked.map(({ decision }) => decision.until);
    lane.applying = lane.applying.then(() => this.#apply(lane, state.operations, until));
    this.#tell(lane.mailbox, state.document.modseq, state.modseq, state.changes);
    answer(asked, answers, lane.applying);
  }

  /** Until it works: the operations are durable, and reads wait for them. */
  async #apply(
    lane: Lane,
    operations: readonly Operation[],
    until: readonly (Promise<unknown> | undefined)[],
  ): Promise<void> {
    for (const retries = new Retries(this.#database.patience); ; ) {
      try {
        await applyOperations(this.#applying, lane.mailbox, operations);
        break;
      } catch (error) {
        if (await retries.again()) continue;
        // They stay in the journal, where the next who reads the mailbox finds them.
        this.#log[isPassing(error) ? 'debug' : 'error'](
          { err: error, mailbox: lane.mailbox },
          'changes of a mailbox wait in its journal',
        );
        lane.known = null;
        lane.pending -= 1;
        this.#behind.add(lane.mailbox);
        this.#tidyLater();
        return;
      }
    }
    lane.pending -= 1;
    for (const { id } of operations) this.#applied.set(id, true);
    void Promise.allSettled(until).then((outcomes) => {
      // Where that took long, this lane is in use no longer.
      const { loose, finished } = this.#lane(lane.mailbox);
      const over = outcomes.some(({ status }) => status === 'rejected') ? loose : finished;
      for (const operation of operations) over.set(operation.id, operation);
      this.#tidyLater();
    });
  }

  async #bringIn(document: MailboxDocument): Promise<void> {
    const lane = this.#lanes.get(document._id);
    await lane?.applying;
    const missing = document.journal.filter(({ id }) => !this.#applied.has(id));
    if (missing.length === 0) return;
    await applyOperations(this.#applying, document._id, missing);
    for (const { id } of missing) this.#applied.set(id, true);
    const own = missing.filter(({ by }) => by === this.#by);
    if (own.length === 0) return;
    const { loose } = lane ?? this.#lane(document._id);
    for (const operation of own) loose.set(operation.id, operation);
    this.#tidyLater();
  }

  #read(mailbox: string): Promise<MailboxDocument | null> {
    return this.#database.mailboxes.findOne({ ...oneMailbox(mailbox), removed: { $exists: false } });
  }

  #tidyLater(): void {
    if (this.#closed) return;
    this.#tidying ??= setTimeout(() => {
      this.#tidying = null;
      this.#tidy().catch((error: unknown) => {
        this.#log.debug({ err: error }, 'finished operations stay in their journals for now');
        this.#tidyLater();
      });
    }, TIDY_EVERY).unref();
  }

  /** Removes finished operations from the journals, and lanes in which nothing happens. */
  async #tidy(): Promise<void> {
    for (const mailbox of this.#behind) await this.#catchUp(mailbox);
    await this.#settleLoose();
    // A lane in which something is decided writes its journal itself.
    const lanes = [...this.#lanes.values()].filter(({ finished, running }) => finished.size > 0 && !running);
    for (let at = 0; at < lanes.length; at += TIDIED) {
      const some = lanes
        .slice(at, at + TIDIED)
        .map((lane) => ({ lane, known: lane.known, mailbox: lane.mailbox, operations: [...lane.finished.values()] }));
      await removeOperations(this.#database, some);
      for (const { lane, known, operations } of some) forget(lane, known, operations);
    }
    for (const lane of this.#lanes.values()) {
      if (lane.loose.size > 0) this.#tidyLater();
      if (lane.running || lane.waiting.length > 0 || lane.pending > 0) continue;
      if (lane.finished.size > 0 || lane.loose.size > 0) continue;
      this.#lanes.delete(lane.mailbox);
      if (lane.known !== null) this.#known.set(lane.mailbox, { known: lane.known, readAt: lane.readAt });
    }
  }

  async #catchUp(mailbox: string): Promise<void> {
    // First: it may fall behind once more meanwhile.
    this.#behind.delete(mailbox);
    try {
      const document = await this.#database.mailboxes.findOne(oneMailbox(mailbox));
      if (document !== null) await this.#bringIn(document);
    } catch (error) {
      this.#behind.add(mailbox);
      throw error;
    }
  }

  /** What nobody looks for any more is finished. What becomes loose while that is asked waits for the next time. */
  async #settleLoose(): Promise<void> {
    const asked = [...this.#lanes.values()].flatMap((lane) =>
      [...lane.loose.values()].map((operation) => ({ lane, operation })),
    );
    if (asked.length === 0) return;
    const sought = await soughtOperations(
      this.#database,
      asked.map(({ operation }) => operation),
    );
    for (const { lane, operation } of asked) {
      if (sought.has(operation.id)) continue;
      lane.loose.delete(operation.id);
      lane.finished.set(operation.id, operation);
    }
  }
}

/** `known`: the mailbox before these left its journal. What the lane has seen since is compared when it is changed. */
function forget(lane: Lane, known: MailboxDocument | null, operations: readonly Operation[]): void {
  const ids = new Set(operations.map(({ id }) => id));
  for (const id of ids) lane.finished.delete(id);
  if (known === null || lane.known !== known) return;
  lane.known = { ...known, tidied: known.tidied + 1, journal: known.journal.filter(({ id }) => !ids.has(id)) };
}

/** Parts are to be removed first. */
const canLeaveAtOnce = ({ kind }: Operation): boolean => kind !== 'batch';

function nextOf(
  document: MailboxDocument,
  state: MailboxState,
  finished: readonly Operation[],
): Partial<MailboxDocument> {
  const gone = new Set(finished.map(({ id }) => id));
  return { ...state.after, journal: [...document.journal.filter(({ id }) => !gone.has(id)), ...state.operations] };
}

/** What was decided for all of them, and an operation by which it is found in the journal. */
interface Verdict {
  readonly asked: readonly Waiting[];
  readonly state: MailboxState;
  readonly answers: readonly Answer[];
  readonly operation: string;
}

type Answer = { readonly ok: true; readonly result: unknown } | { readonly ok: false; readonly error: unknown };

function attempt(decision: Decision<unknown>, state: MailboxState): Answer {
  try {
    return { ok: true, result: decision.act(state) };
  } catch (error) {
    return { ok: false, error };
  }
}

function answer(some: readonly Waiting[], answers: readonly Answer[], applied: Promise<void>): void {
  for (const [i, { resolve, reject }] of some.entries()) {
    const given = answers[i];
    if (given?.ok === true) resolve({ result: given.result, applied });
    else reject(given?.error);
  }
}

/** Ascending, without overlap. */
function merged(ranges: UidRanges): UidRanges {
  const out: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = out.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else out.push([first, last]);
  }
  return out;
}
