/**
 * The queue's runner (Postfix: qmgr): leases due items, groups them by message and destination, runs deliveries within
 * limits, and passes their outcomes to the settler.
 *
 * Limits: qmgr_message_active_limit items in memory, default_process_limit concurrent deliveries, a window and a pace
 * per destination and transport. It sleeps until new work is announced (`wake`), a delivery ends or the next item is due; it never polls.
 * A lease outlasts the longest delivery, so no two runners have the same item. On any error an item is settled or given
 * back; after a crash its lease expires.
 *
 *   phase   new ──start──> recovering ──────earlier leases released──────> running         each ──close──> closed
 *
 *   look             wake, timer                  wake, or items were claimed
 *           asleep ──────────────> looking <───────────────────────────────> woken
 *              ^                      │                round ended
 *              └──────────────────────┘ round ended: nothing more to claim, or no room; the timer is set
 *              └──────────────────────── from `woken` too if the round failed: the timer is set to PAUSE_MS
 *
 * The end of each delivery wakes it. `new` and `closed` do not look; a look in progress at `close` gives back what it
 * claimed.
 */
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type LogAddress, logAddress } from '../../lookup/log-address.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Transports as KnownTransports } from '../../lookup/transports.ts';
import { reply } from '../../mail/status.ts';
import type { Queue, QueueFilter, QueueItem } from '../../store/queue.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import type { Route, Router } from '../route/router.ts';
import type { StatusFilters } from '../status-filter.ts';
import { afterTimeout } from './after.ts';
import { type AttemptContext, attempt, LEASE_MS, type Transports, withheld } from './attempt.ts';
import { Destinations, type Result } from './destinations.ts';
import { programOf } from './program.ts';
import type { Settler } from './settler.ts';
import { createTransportLimits, type TransportLimits } from './transport-limits.ts';
import { TransportSlots } from './transport-slots.ts';
import { type Job, WaitingJobs } from './waiting-jobs.ts';

export interface RunnerOptions {
  readonly queue: Queue;
  readonly router: Router;
  readonly transports: Transports;
  /** Those of master.cf, with their limits. */
  readonly knownTransports: KnownTransports;
  readonly settler: Settler;
  readonly statusFilters: StatusFilters;
  readonly parameters: ParameterReader;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls back after `ms`, unless what it returned was called before; default setTimeout. */
  after?(ms: number, callback: () => void): () => void;
}

const NOTHING: ReadonlySet<string> = new Set();
/** Items per claim. */
const BATCH = 500;
/** Pause after a store error, and between looks that found only excluded destinations. */
const PAUSE_MS = 5_000;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #after: (ms: number, callback: () => void) => () => void;
  readonly #log: Log;
  readonly #destinations: Destinations;
  readonly #waiting = new WaitingJobs();
  readonly #limitsOf: (transport: string) => TransportLimits;
  readonly #slots: TransportSlots;
  readonly #limits: {
    active: number;
    deliveries: number;
    runDelay: number;
    deferred: ReadonlySet<string>;
  };
  readonly #running = new Set<Promise<void>>();
  readonly #abort = new AbortController();
  /** Items claimed and not settled. */
  #active = 0;
  #phase: 'new' | 'recovering' | 'running' | 'closed' = 'new';
  #look: 'asleep' | 'looking' | 'woken' = 'asleep';
  /** The look in progress; resolved if there is none. */
  #looked: Promise<void> = Promise.resolve();
  /** An operator's flush is in progress: deferred transports are tried too, until no claimed items are left. */
  #flushing = false;
  #cancelTimer: (() => void) | null = null;
  #cancelPause: (() => void) | null = null;
  /** Ends the rest; null if there is none. */
  #cancelRest: (() => void) | null = null;
  #idle: (() => void)[] = [];
  readonly #logAddress: LogAddress;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#after = options.after ?? afterTimeout;
    this.#log = options.log.child({ process: 'postfix/qmgr' });
    const { parameters } = options;
    this.#logAddress = logAddress(parameters);
    const limitsOf = createTransportLimits(parameters, options.knownTransports);
    this.#limitsOf = limitsOf;
    this.#slots = new TransportSlots(limitsOf);
    this.#destinations = new Destinations(
      (transport) => limitsOf(transport).destination,
      parameters.boolean('destination_concurrency_feedback_debug') ? (text) => this.#log.info({}, text) : undefined,
    );
    this.#limits = {
      active: Math.max(1, parameters.number('qmgr_message_active_limit')),
      deliveries: Math.max(1, parameters.number('default_process_limit')),
      runDelay: parameters.time('queue_run_delay'),
      deferred: new Set(parameters.list('defer_transports')),
    };
  }

  /** Items in memory, for metrics and tests. */
  get active(): number {
    return this.#active;
  }

  /** Starts. The first look releases leases left by a crash; if the store fails, it is retried like any other look. */
  start(): void {
    if (this.#phase === 'new') this.#phase = 'recovering';
    this.wake();
  }

  /** Announces new work. Cheap: call it for every acceptance. */
  wake(): void {
    if (this.#phase === 'new' || this.#phase === 'closed' || this.#cancelRest !== null) return;
    if (this.#look === 'asleep') this.#looked = this.#lookForWork();
    else this.#look = 'woken';
  }

  /**
   * Makes items due, forgets dead destinations, and tries deferred transports too (postqueue -f). Returns the number of
   * items.
   */
  async flush(filter: QueueFilter): Promise<number> {
    const count = await this.#options.queue.flush(filter, this.#options.clock());
    this.#destinations.revive();
    this.#flushing = true;
    this.wake();
    return count;
  }

  /** Resolves when nothing runs and nothing is due. */
  idle(): Promise<void> {
    if (this.#active === 0 && this.#look === 'asleep') return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Waits for running deliveries up to `deadline` ms, then aborts them; everything not settled is given back. */
  async close(deadline = 10_000): Promise<void> {
    this.#phase = 'closed';
    this.#cancelTimer?.();
    this.#cancelPause?.();
    this.#cancelRest?.();
    const cancel = this.#after(deadline, () => {
      this.#abort.abort();
      this.#options.settler.giveUp();
    });
    // Items being claimed must be given back before another runner looks, or they would be claimed twice.
    await this.#looked;
    await this.#giveBackUnbegun();
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    cancel();
  }

  get #isClosed(): boolean {
    return this.#phase === 'closed';
  }

  get #isWoken(): boolean {
    return this.#look === 'woken';
  }

  /** One at a time: claims until there is no more work or no more room. Never rejects. */
  async #lookForWork(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    let pause: number | null = null;
    try {
      do {
        this.#look = 'looking';
        pause = await this.#round();
      } while (this.#isWoken && !this.#isClosed && this.#cancelRest === null);
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.#rest();
      else {
        this.#log.error({ err: error }, `the queue cannot be read: ${messageOf(error)}`);
        pause = PAUSE_MS;
      }
    }
    this.#look = 'asleep';
    if (this.#isClosed) return;
    if (pause !== null) this.#cancelTimer = this.#after(pause, () => this.wake());
    this.#tellIdle();
  }

  /**
   * Returns the ms until the next look, unless something happens earlier; null if the end of a delivery triggers it.
   */
  async #round(): Promise<number | null> {
    const { queue, clock, settler } = this.#options;
    // What is over but not written yet must not be claimed again, if its lease has expired.
    if (settler.waits) return PAUSE_MS;
    if (this.#phase === 'recovering') {
      await queue.recover();
      if (!this.#isClosed) this.#phase = 'running';
    }
    const room = Math.min(BATCH, this.#limits.active - this.#active);
    if (room <= 0) return null;
    const now = clock();
    const items = await queue.claim({ now, limit: room, leaseMs: LEASE_MS, exclude: this.#waiting.full() });
    if (items.length > 0) {
      this.#active += items.length;
      this.#look = 'woken';
      // Claimed from here on: any failure below must give them back.
      await this.#dispatch(items);
      return null;
    }
    if (this.#active === 0) this.#flushing = false;
    const due = await queue.nextDue();
    if (due === null) return this.#limits.runDelay;
    // Due items that were not claimed are excluded: the end of a delivery triggers a look, this is the safety net.
    return Math.min(this.#limits.runDelay, due <= now ? PAUSE_MS : Math.max(1, due - clock()));
  }

  async #dispatch(items: readonly QueueItem[]): Promise<void> {
    const claimedAt = this.#options.clock();
    const batch: { item: QueueItem; route: Route }[] = [];
    for (const item of items) {
      if (this.#isClosed) return this.#giveBack(items);
      const route = await this.#routeOf(item);
      if (route === null) {
        this.#rest();
        return this.#giveBack(items);
      }
      batch.push({ item, route });
    }
    if (this.#isClosed) return this.#giveBack(items);
    this.#logReactivated(items);
    this.#waiting.add(batch, claimedAt, (transport) => this.#limitsOf(transport).recipients);
    this.#startJobs();
  }

  /** Null: not known, for the store is away. */
  async #routeOf(item: QueueItem): Promise<Route | null> {
    try {
      return await this.#options.router.routeQueued(item);
    } catch (error) {
      if (error instanceof StoreUnavailableError) return null;
      this.#log.warn(
        { queueId: item.queueId, err: error },
        `${item.queueId}: cannot route <${item.recipient}>: ${messageOf(error)}`,
      );
      return {
        kind: 'error',
        reply: reply(451, '4.3.0', 'address resolver failure'),
        relay: 'none',
        transport: 'error',
      };
    }
  }

  /** Starts what the limits allow, one job per lane in turn. */
  #startJobs(): void {
    if (this.#cancelRest !== null) return;
    const now = this.#options.clock();
    let pause = Number.POSITIVE_INFINITY;
    for (const lane of this.#waiting.lanes()) {
      if (this.#running.size >= this.#limits.deliveries) break;
      const transport = this.#waiting.transport(lane);
      if (this.#slots.isFull(transport)) continue;
      const wait = Math.max(this.#destinations.pause(lane, now), this.#slots.pause(transport, now));
      if (wait > 0) {
        pause = Math.min(pause, wait);
        continue;
      }
      if (!this.#destinations.begin(lane, transport)) continue;
      this.#slots.begin(transport, now);
      const job = this.#waiting.take(lane);
      const run = this.#run(job).finally(() => {
        this.#running.delete(run);
        this.#slots.end(transport);
        if (!this.#isClosed) this.#startJobs();
        this.wake();
      });
      this.#running.add(run);
    }
    this.#goOnAfter(pause);
  }

  /** Rate delays end without an event of their own. `pause`: ms; infinite if there is none. */
  #goOnAfter(pause: number): void {
    this.#cancelPause?.();
    this.#cancelPause = Number.isFinite(pause)
      ? this.#after(pause, () => {
          this.#cancelPause = null;
          if (!this.#isClosed) this.#startJobs();
        })
      : null;
  }

  /** Never rejects. */
  async #run(job: Job): Promise<void> {
    const { clock, settler, statusFilters } = this.#options;
    const { items, message, route } = job;
    const program = programOf(route);
    const startedAt = clock();
    let result: Result = 'untried';
    /** Items no longer in memory. */
    let left = items.length;
    let settled = false;
    try {
      const context = this.#context();
      const putOff = withheld(job, startedAt, context);
      const tried = putOff ?? (await attempt(job, startedAt, context));
      if (putOff === null && tried !== null) result = tried.hostFailure ?? 'success';
      if (
        tried === null ||
        (this.#abort.signal.aborted && tried.outcomes.every((outcome) => outcome.status === 'deferred'))
      ) {
        await settler.giveBack(items);
      } else {
        const filter = statusFilters(route.transport, program === 'local');
        const told = filter === undefined ? tried : await filter(tried);
        left = await settler.concluded(message, told, { startedAt, program });
        settled = true;
      }
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        this.#rest();
        await settler.giveBack(items);
      } else {
        this.#log.error({ queueId: message.queueId, err: error }, `delivery failed: ${messageOf(error)}`);
        await settler.putOff(items);
      }
    } finally {
      this.#destinations.end(job.lane, job.route.transport, result, clock());
    }
    left += await settler.deliveryEnded(message, settled);
    this.#active -= left;
  }

  #context(): AttemptContext {
    return {
      transports: this.#options.transports,
      router: this.#options.router,
      destinations: this.#destinations,
      deferred: this.#flushing ? NOTHING : this.#limits.deferred,
      closing: this.#abort.signal,
      after: this.#after,
    };
  }

  /**
   * The store is away: nothing begins for a while, and what was claimed before does not begin at all, for other processes
   * may have taken it by then. That is no attempt: nothing is deferred or bounced because of it.
   */
  #rest(): void {
    if (this.#cancelRest !== null || this.#isClosed) return;
    this.#cancelRest = this.#after(PAUSE_MS, () => {
      this.#cancelRest = null;
      this.wake();
    });
    const givingBack = this.#giveBackUnbegun().finally(() => this.#running.delete(givingBack));
    this.#running.add(givingBack);
  }

  /** What waits for its turn. */
  async #giveBackUnbegun(): Promise<void> {
    const unbegun = this.#waiting.drain();
    await this.#giveBack(unbegun.flatMap((job) => job.items));
    for (const { message } of unbegun) {
      const settled = await this.#options.settler.deliveryEnded(message, false);
      this.#active -= settled;
    }
  }

  async #giveBack(items: readonly QueueItem[]): Promise<void> {
    await this.#options.settler.giveBack(items);
    this.#active -= items.length;
  }

  /** Logged as on arrival, whenever an item leaves the deferred queue or is released from hold. */
  #logReactivated(items: readonly QueueItem[]): void {
    const counts = new Map<string, number>();
    for (const { queueId, state, dueAt, arrivedAt } of items)
      if (state !== 'incoming' || dueAt !== arrivedAt) counts.set(queueId, (counts.get(queueId) ?? 0) + 1);
    for (const { queueId, reversePath, size } of items) {
      const count = counts.get(queueId);
      if (count === undefined || !counts.delete(queueId)) continue;
      this.#log.info(
        { queueId },
        `${queueId}: from=<${this.#logAddress(reversePath)}>, size=${size}, nrcpt=${count} (queue active)`,
      );
    }
  }

  #tellIdle(): void {
    if (this.#active > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
