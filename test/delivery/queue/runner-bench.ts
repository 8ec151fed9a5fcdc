/**
 * A queue runner with a queue in memory and deliveries that the test ends by hand: no store, sockets or timers.
 */
import { type Attempt, unanimous } from '../../../src/delivery/outcome.ts';
import { readRetryPolicy } from '../../../src/delivery/queue/retry.ts';
import { Runner } from '../../../src/delivery/queue/runner.ts';
import { Settler } from '../../../src/delivery/queue/settler.ts';
import { createTransports } from '../../../src/lookup/transports.ts';
import { reply } from '../../../src/mail/status.ts';
import type { Queue, QueueItem, Settlement } from '../../../src/store/queue.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { hooksOf } from '../../kit/hooks.ts';
import { recordLog } from '../../kit/log.ts';
import { parametersOf } from '../../kit/parameters.ts';

/** A queue in memory with leases. */
export class FakeQueue implements Queue {
  readonly items = new Map<number, { item: QueueItem; leasedUntil: number }>();
  readonly settled: Settlement[] = [];
  claims = 0;
  fail = false;
  /** The store cannot be reached. */
  away = false;
  add(count: number, change: (i: number) => Partial<QueueItem>): void {
    for (let i = 0; i < count; i += 1) {
      const id = this.items.size + 1;
      const item: QueueItem = {
        id,
        queueId: `Q${id}`,
        content: id,
        size: 1,
        state: 'incoming',
        reversePath: 'a@b',
        ret: '',
        envid: '',
        smtputf8: false,
        body: '7BIT',
        arrivedAt: 0,
        dueAt: 0,
        attempts: 0,
        warned: false,
        lastReply: null,
        active: false,
        recipient: `r${id}@qq.com`,
        original: `r${id}@qq.com`,
        notify: [],
        orcpt: '',
        destination: 'qq.com',
        ...change(i),
      };
      this.items.set(id, { item, leasedUntil: 0 });
    }
  }
  async claim(options: {
    now: number;
    limit: number;
    leaseMs: number;
    exclude: readonly string[];
  }): Promise<readonly QueueItem[]> {
    this.claims += 1;
    this.#reach();
    if (this.fail) throw new Error('the disk is gone');
    const free = [...this.items.values()].filter(
      ({ item, leasedUntil }) =>
        leasedUntil <= options.now && item.dueAt <= options.now && !options.exclude.includes(item.destination),
    );
    return free.slice(0, options.limit).map((row) => {
      row.leasedUntil = options.now + options.leaseMs;
      return row.item;
    });
  }
  #reach(): void {
    if (this.away) throw new StoreUnavailableError('the database cannot be reached');
  }
  async settle(settlements: readonly Settlement[]): Promise<void> {
    this.#reach();
    for (const settlement of settlements) {
      this.settled.push(settlement);
      const row = this.items.get(settlement.item as number);
      if (settlement.outcome === 'done') this.items.delete(settlement.item as number);
      else if (row !== undefined) {
        row.leasedUntil = 0;
        if (settlement.outcome === 'deferred') row.item = { ...row.item, dueAt: settlement.dueAt };
      }
    }
  }
  async nextDue(): Promise<number | null> {
    const due = [...this.items.values()].filter((row) => row.leasedUntil === 0).map((row) => row.item.dueAt);
    return due.length === 0 ? null : Math.min(...due);
  }
  async *list(): AsyncGenerator<readonly QueueItem[]> {
    yield [...this.items.values()].map((row) => row.item);
  }
  flush = async (): Promise<number> => 0;
  hold = async (): Promise<number> => 0;
  release = async (): Promise<number> => 0;
  redirect = async (): Promise<number> => 0;
  remove = async (): Promise<number> => 0;
  recover = async (): Promise<void> => {
    for (const row of this.items.values()) row.leasedUntil = 0;
  };
}

export const sent = reply(250, '2.0.0', 'ok');
/** A runner on that queue, deliveries that the test ends by hand, and a clock that it sets. */
export interface Bench {
  readonly queue: FakeQueue;
  readonly runner: Runner;
  readonly running: {
    items: readonly QueueItem[];
    finish(attempt?: Attempt): void;
    fail(error?: Error): void;
    readonly signal: AbortSignal;
  }[];
  readonly timers: number[];
  readonly log: readonly string[];
  /** Pauses of up to five seconds are over. */
  elapse(): void;
  peak: number;
  now: number;
}
export const bench = (
  settings: Readonly<Record<string, string>>,
  beforeRoute: () => Promise<void> = async () => {},
): Bench => {
  const queue = new FakeQueue();
  const { log, lines } = recordLog();
  const waiting = new Set<() => void>();
  const after = (ms: number, callback: () => void): (() => void) => {
    state.timers.push(ms);
    if (ms === 7) setImmediate(callback);
    else if (ms <= 5000) waiting.add(callback);
    return () => waiting.delete(callback);
  };
  const state: Bench = {
    queue,
    running: [],
    timers: [],
    log: lines,
    elapse() {
      const now = [...waiting];
      waiting.clear();
      for (const callback of now) callback();
    },
    peak: 0,
    now: 1000,
    runner: new Runner({
      queue,
      parameters: parametersOf(settings),
      knownTransports: createTransports({ parameters: parametersOf(settings) }),
      router: {
        route: () => Promise.reject(new Error('not asked')),
        destinationsOf: async () => [],
        asBestMx: async () => null,
        routeQueued: async (item) => {
          await beforeRoute();
          return {
            kind: 'remote',
            nexthop: { protocol: 'smtp', host: item.destination, port: null, mx: true, socket: null },
            destination: item.destination,
            site: item.destination,
            transport: 'smtp',
          };
        },
      },
      transports: {
        local: () => Promise.reject(new Error('not asked')),
        expand: () => Promise.reject(new Error('not asked')),
        target: () => Promise.reject(new Error('not asked')),
        pipe: () => Promise.reject(new Error('not asked')),
        remote: (_route, items, signal) =>
          new Promise((resolve, reject) => {
            const finish = (attempt = unanimous(items, 'sent', sent, 'x')): void => {
              state.running.splice(state.running.indexOf(entry), 1);
              resolve(attempt);
            };
            const fail = (error = new Error('a fault of ours')): void => {
              state.running.splice(state.running.indexOf(entry), 1);
              reject(error);
            };
            const entry = { items, finish, signal, fail };
            state.running.push(entry);
            state.peak = Math.max(state.peak, state.running.length);
            signal.addEventListener('abort', () =>
              finish(unanimous(items, 'deferred', reply(451, '4.3.0', 'broken off'), 'none')),
            );
          }),
      },
      statusFilters: () => undefined,
      settler: new Settler({
        logAddress: (address) => address,
        queue: { settle: (settlements) => queue.settle(settlements) },
        hooks: hooksOf({}),
        notifier: {
          notify: async () => true,
          refused: async () => true,
          asked: async () => true,
          attempted: async () => true,
          transcript: async () => {},
        },
        retry: readRetryPolicy(parametersOf(settings)),
        delayDigits: 2,
        clock: () => state.now,
        log,
        after,
      }),
      clock: () => state.now,
      log,
      after,
    }),
  };
  return state;
};
/** Runs everything that is ready. */
export const turns = async (n = 20): Promise<void> => {
  for (let i = 0; i < n; i += 1) await new Promise((resolve) => setImmediate(resolve));
};
/** Ends deliveries as sent until the queue is empty. */
export const finishAll = async (at: Bench): Promise<void> => {
  for (let i = 0; i < 2000 && at.queue.items.size > 0; i += 1) {
    for (const one of [...at.running]) one.finish();
    await turns(3);
  }
};
