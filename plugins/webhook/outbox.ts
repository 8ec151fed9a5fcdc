/**
 * What waits to be sent: gathered for as long as the last write takes, then durable, a batch of events in each entry of
 * the plugin's state. Whoever sends a batch claims it first, so that of several processes only one does; a batch whose
 * sender died is sent again.
 */
import { randomUUID } from 'node:crypto';
import type { Clock, Json, PluginState, Server } from '../../src/bus/plugin.ts';
import { messageOf } from '../../src/errors.ts';

export interface OutboxServices {
  readonly state: PluginState;
  readonly log: Server['log'];
  readonly clock: Clock;
  /** Seconds after which a batch is given up. */
  readonly keep: number;
  /** Rejects if it was not taken. */
  send(id: string, events: readonly Json[]): Promise<void>;
  count(what: 'sent' | 'failed' | 'given up' | 'left out', events: number): void;
}

interface Batch {
  readonly events: readonly Json[];
  /** ms since 1970. */
  readonly madeAt: number;
  readonly dueAt: number;
  readonly tries: number;
  readonly [name: string]: Json;
}

const PER_BATCH = 100;
const MOST_GATHERED = 1000;
/** As many as `state.keys` tells. */
const MOST_BATCHES = 1000;
/** Longer than a request may take. */
const CLAIMED_MS = 120_000;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** What a batch outlives its time by, so that somebody tells that it was given up. */
const GRACE = 86_400;
const PREFIX = 'batch/';

export class Outbox {
  readonly #services: OutboxServices;
  #gathered: Json[] = [];
  #writing: Promise<void> | null = null;
  #isFull = false;
  /** The last request was not taken. */
  #isDown = false;
  #leftOut = 0;

  constructor(services: OutboxServices) {
    this.#services = services;
  }

  /** Returns at once. */
  add(event: Json): void {
    if (this.#isFull || this.#gathered.length >= MOST_GATHERED) {
      this.#leftOut += 1;
      this.#services.count('left out', 1);
      return;
    }
    this.#gathered.push(event);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
  }

  /** Resolves when nothing is only in memory. */
  async written(): Promise<void> {
    await this.#writing;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { state, clock, keep } = this.#services;
    // After the hook: those of the same moment go together.
    await Promise.resolve();
    while (this.#gathered.length > 0) {
      const events = this.#gathered.splice(0, PER_BATCH);
      const now = clock();
      const key = `${PREFIX}${String(now).padStart(15, '0')}-${randomUUID()}`;
      try {
        const batch: Batch = { events, madeAt: now, dueAt: now + CLAIMED_MS, tries: 0 };
        await state.set(key, batch, { expires: keep + GRACE });
        void this.#attempt(key, batch);
      } catch (error) {
        this.#services.count('left out', events.length);
        this.#services.log.warn({}, `${events.length} events were left out: ${messageOf(error)}`);
      }
    }
  }

  /** The job: sends what is due. The first failure ends it, because the others would fail too. */
  async retry(signal: AbortSignal): Promise<void> {
    const { state, clock, log } = this.#services;
    const keys = await state.keys(PREFIX);
    this.#isFull = keys.length >= MOST_BATCHES;
    if (this.#leftOut > 0) {
      log.warn({ events: this.#leftOut }, `${this.#leftOut} events were left out: too many wait to be sent`);
      this.#leftOut = 0;
    }
    for (const key of keys) {
      if (signal.aborted) return;
      const due = await state.get<Batch>(key);
      if (due === undefined || due.dueAt > clock()) continue;
      let isMine = false;
      const batch = await state.update<Batch>(
        key,
        (other) => {
          isMine = other?.dueAt === due.dueAt;
          return isMine && other !== undefined ? { ...other, dueAt: clock() + CLAIMED_MS } : other;
        },
        { expires: this.#services.keep + GRACE },
      );
      if (isMine && batch !== undefined && !(await this.#attempt(key, batch))) return;
    }
  }

  /** False: it was not taken. Never rejects: a batch that was sent and could not be deleted is sent again. */
  async #attempt(key: string, batch: Batch): Promise<boolean> {
    const { state, clock, keep, log, count, send } = this.#services;
    const { events, madeAt } = batch;
    try {
      let why: string | null = null;
      await send(key.slice(PREFIX.length), events).catch((error: unknown) => {
        why = messageOf(error);
      });
      if (why === null) {
        count('sent', events.length);
        if (this.#isDown) log.info({}, 'events are taken again');
        this.#isDown = false;
        await state.delete(key);
        return true;
      }
      count('failed', events.length);
      const tries = batch.tries + 1;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1));
      if (clock() + pause > madeAt + keep * 1000) {
        count('given up', events.length);
        log.warn(
          { events: events.length, tries },
          `${events.length} events were given up after ${tries} tries: ${why}`,
        );
        await state.delete(key);
        return false;
      }
      if (!this.#isDown) log.warn({ events: events.length }, `events wait to be sent again: ${why}`);
      this.#isDown = true;
      await state.set(key, { ...batch, tries, dueAt: clock() + pause }, { expires: keep + GRACE });
      return false;
    } catch (error) {
      log.warn({}, `the state of ${events.length} events was not written: ${messageOf(error)}`);
      return false;
    }
  }
}
