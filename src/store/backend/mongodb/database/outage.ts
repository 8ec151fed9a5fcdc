/**
 * Whether the database serves this process: one line in the log when it stops and one when it goes on, however many
 * requests fail in between. An outage is over when heartbeats are written again and nothing else fails any more.
 */
import type { Log } from '../../../../log.ts';
import { toStoreError } from './failure.ts';

/** It has worked for so long, ms: heartbeats are written also where a right for another collection is missing. */
const STEADY = 5_000;

export interface OutageOptions {
  readonly log: Log;
  /** The database and its hosts, without user and password. */
  readonly where: string;
  /** Monotonic, ms. */
  readonly clock?: () => number;
}

export class Outage {
  readonly #log: Log;
  readonly #where: string;
  readonly #clock: () => number;
  readonly #overs = new Set<() => void>();
  #began: { readonly at: number; readonly date: string } | null = null;
  /** When the first heartbeat was written after the last failure. */
  #worksSince: number | null = null;

  constructor({ log, where, clock = () => performance.now() }: OutageOptions) {
    this.#log = log;
    this.#where = where;
    this.#clock = clock;
  }

  get isOn(): boolean {
    return this.#began !== null;
  }

  /** The driver threw this. False if it is no sign of an outage, and was not logged. */
  failed(error: unknown): boolean {
    const known = toStoreError(error);
    if (known === error || !(known instanceof Error)) return false;
    this.#worksSince = null;
    if (this.#began !== null) return true;
    this.#began = { at: this.#clock(), date: new Date().toISOString() };
    this.#log.error(
      { database: this.#where },
      `${known.message}; ${this.#where}: until it is back, mail and logins get temporary errors`,
    );
    return true;
  }

  /** A heartbeat was written. */
  works(): void {
    if (this.#began === null) return;
    const now = this.#clock();
    this.#worksSince ??= now;
    if (now - this.#worksSince < STEADY) return;
    const { at, date } = this.#began;
    this.#began = null;
    this.#log.info(
      { database: this.#where },
      `the database is back after ${Math.round((this.#worksSince - at) / 1000)} s, since ${date}; ${this.#where}`,
    );
    for (const over of this.#overs) over();
  }

  onOver(listener: () => void): void {
    this.#overs.add(listener);
  }
}
