/**
 * The queue's runner (Postfix: qmgr): leases what is due, groups it by message and destination, runs
 * deliveries within limits, settles what became of them.
 *
 * Bounds: qmgr_message_active_limit items in memory, default_process_limit deliveries at a time, a
 * window for each destination. It sleeps until new work is announced (`wake`), a delivery ends or the next item is due; it
 * never spins. A lease outlasts the longest delivery, so no two runners have the same item. Whatever
 * throws, an item is settled or given back; after a crash its lease is what gives it back.
 */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Reply } from '../../mail/status.ts';
import { reply } from '../../mail/status.ts';
import type { Queue, QueueFilter, QueueItem, Settlement } from '../../store/queue.ts';
import { LOCAL_DESTINATION, type Route, type Router } from '../route/router.ts';
import type { ActiveMessage } from './active-message.ts';
import { type AttemptContext, attempt, LEASE_MS, type Transports } from './attempt.ts';
import { Destinations } from './destinations.ts';
import { type Decided, isToldTogether, type Program, released, type Settler } from './settlement.ts';
import { type Job, WaitingJobs } from './waiting-jobs.ts';

export interface RunnerOptions {
  readonly queue: Queue;
  readonly router: Router;
  readonly transports: Transports;
  readonly settler: Settler;
  readonly parameters: ParameterReader;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls back after `ms`, unless what it returned was called before; default setTimeout. */
  after?(ms: number, callback: () => void): () => void;
}

export interface Runner {
  /** Begins; the first look gives back leases that a crash left. A store that cannot do that now is asked again, as for any other look. */
  start(): void;
  /** There is new work. Cheap: call it for every acceptance. */
  wake(): void;
  /** Makes items due, forgets dead destinations, and tries deferred transports too (postqueue -f). Returns how many items. */
  flush(filter: QueueFilter): Promise<number>;
  /** Waits for running deliveries up to `deadline` ms, then breaks them off; everything not settled is given back. */
  close(deadline?: number): Promise<void>;
  /** For metrics and tests. */
  readonly active: number;
  /** Resolves when nothing runs and nothing is due. */
  idle(): Promise<void>;
}

const NOTHING: ReadonlySet<string> = new Set();
/** Items claimed at once. */
const BATCH = 500;
/** After a fault of the store's, and between looks that found only excluded destinations. */
const PAUSE_MS = 5_000;

const defaultAfter = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

export function createRunner(options: RunnerOptions): Runner {
  return new QueueRunner(options);
}

const words = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

const programOf = (route: Route): Program =>
  route.kind === 'remote' ? route.nexthop.protocol : route.kind === 'error' ? (route.relay === 'local' ? 'local' : 'error') : route.kind;

class QueueRunner implements Runner {
  readonly #options: RunnerOptions;
  readonly #after: (ms: number, callback: () => void) => () => void;
  readonly #log: Log;
  readonly #destinations: Destinations;
  readonly #waiting = new WaitingJobs();
  readonly #limits: { active: number; deliveries: number; recipients: number; runDelay: number; deferred: ReadonlySet<string> };
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  #active = 0;
  #pumping = false;
  /** The round under way; done where none is. */
  #pumped: Promise<void> = Promise.resolve();
  #again = false;
  #closed = false;
  #started = false;
  #recovered = false;
  #flushing = false;
  #cancelTimer: (() => void) | null = null;
  #idle: (() => void)[] = [];

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#after = options.after ?? defaultAfter;
    this.#log = options.log.child({ process: 'postfix/qmgr' });
    const { parameters } = options;
    const number = (name: string): number => parameters.number(name);
    const initial = number('initial_destination_concurrency');
    const deadFor = parameters.time('minimal_backoff_time');
    const limits = {
      local: { initial, limit: Math.max(1, number('local_destination_concurrency_limit')), deadFor },
      other: { initial, limit: Math.max(1, number('default_destination_concurrency_limit')), deadFor },
    };
    this.#destinations = new Destinations((name) => (name === LOCAL_DESTINATION ? limits.local : limits.other));
    this.#limits = {
      active: Math.max(1, number('qmgr_message_active_limit')),
      deliveries: Math.max(1, number('default_process_limit')),
      recipients: Math.max(1, number('default_destination_recipient_limit')),
      runDelay: parameters.time('queue_run_delay'),
      deferred: new Set(parameters.list('defer_transports')),
    };
  }

  get active(): number {
    return this.#active;
  }

  start(): void {
    this.#started = true;
    this.wake();
  }

  wake(): void {
    if (!this.#started || this.#closed) return;
    this.#again = true;
    if (!this.#pumping) this.#pumped = this.#pump();
  }

  async flush(filter: QueueFilter): Promise<number> {
    const count = await this.#options.queue.flush(filter, this.#options.clock());
    this.#destinations.revive();
    this.#flushing = true;
    this.wake();
    return count;
  }

  idle(): Promise<void> {
    if (this.#active === 0 && !this.#pumping) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async close(deadline = 10_000): Promise<void> {
    this.#closed = true;
    this.#cancelTimer?.();
    // What is being claimed now must be given back before another runner looks: it would have it a second time.
    await this.#pumped;
    const unbegun = this.#waiting.drain();
    await this.#giveBack(unbegun.flatMap((job) => job.items));
    for (const { message } of unbegun) await this.#end(message, false);
    const cancel = this.#after(deadline, () => this.#abort.abort());
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    cancel();
  }

  /** One at a time: claims until there is no more work or no more room. Never rejects. */
  async #pump(): Promise<void> {
    this.#pumping = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    let pause: number | null = null;
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        pause = await this.#round();
      }
    } catch (fault) {
      this.#log.error({ err: fault }, `the queue cannot be read: ${words(fault)}`);
      pause = PAUSE_MS;
    }
    this.#pumping = false;
    if (this.#closed) return;
    if (this.#again) {
      // Woken while the fault was handled: the pause still counts.
      pause ??= PAUSE_MS;
    }
    if (pause !== null) this.#cancelTimer = this.#after(pause, () => this.wake());
    this.#tellIdle();
  }

  /** Returns after how many ms to look again if nothing happens before, or null where a delivery's end will tell. */
  async #round(): Promise<number | null> {
    const { queue, clock } = this.#options;
    if (!this.#recovered) await queue.recover();
    this.#recovered = true;
    const room = Math.min(BATCH, this.#limits.active - this.#active);
    if (room <= 0) return null;
    const now = clock();
    const items = await queue.claim({ now, limit: room, leaseMs: LEASE_MS, exclude: this.#waiting.full() });
    if (items.length > 0) {
      this.#active += items.length;
      this.#again = true;
      // Claimed from here on: whatever fails below gives them back.
      await this.#dispatch(items);
      return null;
    }
    if (this.#active === 0) this.#flushing = false;
    const due = await queue.nextDue();
    if (due === null) return this.#limits.runDelay;
    // What was due and not given is excluded: a delivery's end will tell, this is the safety net.
    return Math.min(this.#limits.runDelay, due <= now ? PAUSE_MS : Math.max(1, due - clock()));
  }

  async #dispatch(items: readonly QueueItem[]): Promise<void> {
    const claimedAt = this.#options.clock();
    const batch: { item: QueueItem; route: Route }[] = [];
    for (const item of items) {
      if (this.#closed) return this.#giveBack(items);
      batch.push({ item, route: await this.#routeOf(item) });
    }
    if (this.#closed) return this.#giveBack(items);
    this.#logReactivated(items);
    this.#waiting.add(batch, claimedAt, this.#limits.recipients);
    this.#startJobs();
  }

  async #routeOf(item: QueueItem): Promise<Route> {
    try {
      return await this.#options.router.routeQueued(item);
    } catch (fault) {
      this.#log.warn({ queueId: item.queueId, err: fault }, `${item.queueId}: cannot route <${item.recipient}>: ${words(fault)}`);
      return { kind: 'error', reply: reply(451, '4.3.0', 'address resolver failure'), relay: 'none' };
    }
  }

  /** Begins what the limits allow, one job of each destination in turn. */
  #startJobs(): void {
    for (const destination of this.#waiting.destinations()) {
      if (this.#running.size >= this.#limits.deliveries) return;
      if (!this.#destinations.begin(destination)) continue;
      const job = this.#waiting.take(destination);
      const run = this.#run(job).finally(() => {
        this.#running.delete(run);
        if (!this.#closed) this.#startJobs();
        this.wake();
      });
      this.#running.add(run);
    }
  }

  /** Never rejects. */
  async #run(job: Job): Promise<void> {
    const { clock, settler } = this.#options;
    const { items, message } = job;
    const startedAt = clock();
    let failure: Reply | null = null;
    let attempted = false;
    try {
      const tried = await attempt(job, startedAt, this.#context());
      failure = tried?.hostFailure ?? null;
      if (tried === null || (this.#abort.signal.aborted && tried.outcomes.every((outcome) => outcome.status === 'deferred'))) {
        await this.#giveBack(items);
      } else {
        const decided = await settler.conclude(tried, { claimedAt: message.claimedAt, startedAt, program: programOf(job.route) });
        message.waiting.push(...decided.filter(isToldTogether));
        attempted = true;
        await this.#settle(
          message,
          decided.filter((one) => !isToldTogether(one)),
        );
      }
    } catch (fault) {
      this.#log.error({ queueId: message.queueId, err: fault }, `delivery failed: ${words(fault)}`);
      await this.#putOff(items);
    } finally {
      this.#destinations.end(job.destination, failure, clock());
    }
    await this.#end(message, attempted);
  }

  /** A delivery of the message ended, or will not begin: after the last one its sender is told. Never rejects. */
  async #end(message: ActiveMessage, attempted: boolean): Promise<void> {
    if (!attempted) message.leave();
    if (!message.end()) return;
    await this.#settle(message, message.waiting);
    if (message.gone) this.#log.info({ queueId: message.queueId }, `${message.queueId}: removed`);
  }

  /** Never rejects. Until it is durable the items are leased: a crash repeats the attempt, it never drops one. */
  async #settle(message: ActiveMessage, decided: readonly Decided[]): Promise<void> {
    if (decided.length === 0) return;
    let settlements: readonly Settlement[];
    try {
      settlements = await this.#options.settler.settle(decided);
    } catch (fault) {
      this.#log.error({ queueId: message.queueId, err: fault }, `${message.queueId}: nobody could be told: ${words(fault)}`);
      message.leave();
      return this.#putOff(decided.map(({ outcome }) => outcome.item));
    }
    this.#active -= decided.length;
    if (settlements.some(({ outcome }) => outcome !== 'done')) message.leave();
    await this.#record(message, settlements);
  }

  /** What is decided is never replaced by a new attempt while it can be written: the message would arrive twice. */
  async #record(message: ActiveMessage, settlements: readonly Settlement[]): Promise<void> {
    const { queue } = this.#options;
    try {
      await queue.settle(settlements).catch(() => queue.settle(settlements));
    } catch (fault) {
      message.leave();
      this.#log.error({ queueId: message.queueId, err: fault }, `${message.queueId}: not settled, its lease ends by itself: ${words(fault)}`);
    }
  }

  #context(): AttemptContext {
    return {
      transports: this.#options.transports,
      destinations: this.#destinations,
      deferred: this.#flushing ? NOTHING : this.#limits.deferred,
      closing: this.#abort.signal,
      after: this.#after,
    };
  }

  /** After a fault of ours: later, for the same would fail again now. */
  async #putOff(items: readonly QueueItem[]): Promise<void> {
    this.#active -= items.length;
    const dueAt = this.#options.clock() + this.#options.parameters.time('minimal_backoff_time');
    const because = reply(451, '4.3.0', 'internal failure, see the log');
    try {
      await this.#options.queue.settle(items.map((item) => ({ item: item.id, outcome: 'deferred', dueAt, reply: because })));
    } catch {
      // The store fails altogether: the leases end by themselves.
    }
  }

  async #giveBack(items: readonly QueueItem[]): Promise<void> {
    this.#active -= items.length;
    if (items.length === 0) return;
    try {
      await this.#options.queue.settle(released(items));
    } catch (fault) {
      this.#log.warn({ err: fault }, 'leases could not be given back; they end by themselves');
    }
  }

  /** As when it came in, each time that it leaves the deferred queue or was released from hold. */
  #logReactivated(items: readonly QueueItem[]): void {
    const counts = new Map<string, number>();
    for (const { queueId, state, dueAt, arrivedAt } of items)
      if (state !== 'incoming' || dueAt !== arrivedAt) counts.set(queueId, (counts.get(queueId) ?? 0) + 1);
    for (const { queueId, reversePath, size } of items) {
      const count = counts.get(queueId);
      if (count === undefined || !counts.delete(queueId)) continue;
      this.#log.info({ queueId }, `${queueId}: from=<${reversePath}>, size=${size}, nrcpt=${count} (queue active)`);
    }
  }

  #tellIdle(): void {
    if (this.#active > 0 || this.#pumping) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
