/**
 * Short reads on the sessions' own thread, with a connection of its own. A row and some kilobytes that are in the page
 * cache take less time than a message to the reader's thread and back.
 *
 * Everything here holds up all sessions, so it is bounded: what may be long is the reader's; a turn of the event loop
 * reads for TURN_MS at the most, then lets the sockets have theirs; and where a call takes as long as a disk does, the
 * reader gets all of them for a while and fills the cache meanwhile.
 */
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { UidRanges } from '../../../mailboxes.ts';
import type { ReaderCalls } from '../calls.ts';
import { Database } from '../database.ts';
import { mailboxChanges } from '../reading/columns.ts';
import { READ_ONLY, type Reading } from '../reading/connection.ts';
import { contentSize, readContent } from '../reading/content.ts';
import { findMailbox, status } from '../reading/mailboxes.ts';
import { rows } from '../reading/messages.ts';
import { pluginState } from '../reading/plugin-states.ts';
import { findProbeResult } from '../reading/probe-results.ts';
import { copyMark } from '../reading/transfer.ts';

/** Rows and octets of one call. */
const MOST_ROWS = 64;
const MOST_OCTETS = 128 * 1024;
/** How long one turn of the event loop may read, ms. */
const TURN_MS = 2;
/**
 * Below this it does not matter in which turns the time was spent, and nobody needs to know when the next one begins.
 */
const LITTLE_MS = 0.5;
/** A call that takes longer than this has waited for the disk, ms. */
const SLOW_MS = 3;
/** How long the reader gets all calls then, ms; doubled each time up to the most. */
const FIRST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 5_000;
/** Two slow calls with fewer others between them are the disk's doing. */
const NEIGHBOURS = 30;
/** After so many fast calls the next pause is a short one again. */
const CALM_CALLS = 2_000;

interface Near<Name extends keyof ReaderCalls> {
  isShort(args: ReaderCalls[Name]['args']): boolean;
  run(reading: Reading, args: ReaderCalls[Name]['args']): ReaderCalls[Name]['result'];
}

const always = (): boolean => true;

const CALLS: { readonly [Name in keyof ReaderCalls]?: Near<Name> } = {
  rows: { isShort: ({ uids }) => isShort(uids), run: rows },
  readContent: { isShort: ({ start, end }) => end !== null && end - start <= MOST_OCTETS, run: readContent },
  contentSize: { isShort: always, run: contentSize },
  status: { isShort: always, run: status },
  mailboxChanges: { isShort: always, run: mailboxChanges },
  findMailbox: { isShort: always, run: findMailbox },
  findProbeResult: { isShort: always, run: findProbeResult },
  pluginState: { isShort: always, run: pluginState },
  copyMark: { isShort: always, run: copyMark },
};

/** So few UIDs that their rows are read at once. */
export const isShort = (ranges: UidRanges): boolean =>
  ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0) <= MOST_ROWS;

export class NearReads {
  readonly #directory: string;
  readonly #now: () => number;
  #db: Database | undefined;
  #closed = false;
  /** Spent in this turn, and some of what was spent before it, ms. */
  #spent = 0;
  #turn: Promise<void> | undefined;
  #pausedUntil = 0;
  #pause = FIRST_PAUSE_MS;
  /** Calls since the last slow one. */
  #sinceSlow = CALM_CALLS;

  /** `now`: milliseconds that only grow. */
  constructor(directory: string, now: () => number = () => performance.now()) {
    this.#directory = directory;
    this.#now = now;
  }

  /** Undefined where the call is the reader's, at once or after it had waited for a turn. */
  call<Name extends keyof ReaderCalls>(
    name: Name,
    args: ReaderCalls[Name]['args'],
  ): Promise<ReaderCalls[Name]['result'] | undefined> | undefined {
    const near = CALLS[name] as Near<Name> | undefined;
    if (near === undefined || this.#closed || !near.isShort(args)) return undefined;
    return this.#isPaused ? undefined : this.#run(near, args);
  }

  close(): void {
    this.#closed = true;
    this.#db?.close();
    this.#db = undefined;
  }

  get #isPaused(): boolean {
    return this.#pausedUntil > 0 && this.#now() < this.#pausedUntil;
  }

  async #run<Name extends keyof ReaderCalls>(
    near: Near<Name>,
    args: ReaderCalls[Name]['args'],
  ): Promise<ReaderCalls[Name]['result'] | undefined> {
    while (this.#spent >= TURN_MS) {
      await this.#turn;
      if (this.#isPaused) return undefined;
    }
    if (this.#closed) throw new Error('the store is closed');
    const begun = this.#now();
    try {
      return near.run({ db: this.#open() }, args);
    } finally {
      this.#note(this.#now() - begun);
    }
  }

  /** One slow call may be another program's doing; two within some calls are the disk's. */
  #note(took: number): void {
    this.#spent += took;
    if (this.#spent >= LITTLE_MS) {
      this.#turn ??= nextTurn().then(() => {
        this.#spent = 0;
        this.#turn = undefined;
      });
    }
    this.#sinceSlow += 1;
    if (took <= SLOW_MS) {
      if (this.#sinceSlow > CALM_CALLS) this.#pause = FIRST_PAUSE_MS;
      return;
    }
    if (this.#sinceSlow <= NEIGHBOURS) {
      this.#pausedUntil = this.#now() + this.#pause;
      this.#pause = Math.min(this.#pause * 2, MOST_PAUSE_MS);
    }
    this.#sinceSlow = 0;
  }

  #open(): Database {
    this.#db ??= new Database(join(this.#directory, 'store.sqlite'), { ...READ_ONLY, cacheKib: 2 * 1024 });
    return this.#db;
  }
}
