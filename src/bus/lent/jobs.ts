/**
 * Jobs of plugins: what they do at times of their own (`server.jobs`).
 *
 * Guarantees: they begin when the server runs and end with the plugin; a job never runs twice at once, and one that is
 * `once: 'per store'` not in two processes either; what it throws is logged and counted as a hook's failure. Time is
 * injected.
 */
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type RunningMark, runningMark, whileRunning } from '../../running.ts';
import { LATE, within } from '../settle.ts';

/** What a job gets. */
export interface JobCall {
  /** Aborted when the job should end: the plugin is closed, or the job takes longer than its deadline. */
  readonly signal: AbortSignal;
}

export type JobRun = (call: JobCall) => unknown;

export interface JobOptions {
  /**
   * `per store`: each turn in only one of the processes that share the store, whichever is first; a turn that was missed
   * while none of them ran is made up for at the start. Default: `per process`.
   */
  readonly once?: 'per process' | 'per store';
  /** Seconds, or such as `'10 min'`, after which its signal is aborted and it counts as failed. Default: 5 minutes. */
  readonly deadline?: number | string;
}

export interface Jobs {
  /**
   * Runs again and again: seconds (at least 1), or such as `'1 h'`. The first time after one interval. A turn at which
   * it still runs is left out, and told.
   */
  every(interval: number | string, name: string, run: JobRun, options?: JobOptions): void;
  /** Runs once: a Date, or milliseconds since 1970 UTC. Of what is over only `per store` is made up for. */
  at(when: Date | number, name: string, run: JobRun, options?: JobOptions): void;
}

/** What is checked of a job. */
export interface JobPlan {
  readonly name: string;
  /** Milliseconds; null: once, at `at`. */
  readonly interval: number | null;
  /** Milliseconds since 1970 UTC; of a job with an interval null. */
  readonly at: number | null;
  /** Milliseconds. */
  readonly deadline: number;
  readonly isOncePerStore: boolean;
}

export interface Job extends Omit<JobPlan, 'isOncePerStore'> {
  readonly plugin: string;
  readonly run: JobRun;
  /** Null: per process. */
  readonly turns: Turns | null;
}

/** Which process has a turn. */
export interface Turns {
  /** False: another one had it, or still runs the one before. Rejects if that cannot be known now. */
  claim(turn: number): Promise<boolean>;
  /** It still runs. False: another process took it for dead and has the job now. */
  keep(): Promise<boolean>;
  release(): Promise<void>;
}

interface Planned {
  readonly job: Job;
  /** When it is due, ms since 1970 UTC. */
  next: number;
  running: Promise<void> | null;
  readonly mark: RunningMark;
}

/** The longest that the clock is not looked at, ms: it may be set. */
const LOOK_WITHIN = 60_000;
/** After a turn that could not be claimed, ms. */
const RETRY_AFTER = 60_000;
/** How long a close waits for jobs that were told to end, ms. */
const CLOSE_WITHIN = 5_000;
/** How often it is told that a job still runs, ms. */
const KEEP_EVERY = 20_000;

export class JobTable {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #jobs: Planned[] = [];
  readonly #ending = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #state: 'waiting' | 'begun' | 'closed' = 'waiting';

  constructor({ log, clock }: { readonly log: Log; readonly clock: Clock }) {
    this.#log = log;
    this.#clock = clock;
  }

  add(job: Job): void {
    this.#jobs.push({ job, next: 0, running: null, mark: runningMark(job.plugin, `job ${job.name}`) });
  }

  /** The server runs: from now on jobs do. */
  begin(): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'begun';
    const now = this.#clock();
    for (const planned of this.#jobs) planned.next = firstTurn(planned.job, now);
    this.#look();
  }

  /** Looks at the clock now. Resolves when the jobs that were due have ended. */
  async wake(): Promise<void> {
    this.#look();
    await Promise.all(this.#jobs.map(({ running }) => running));
  }

  /** Tells running jobs to end, and waits for them, for CLOSE_WITHIN at the most. */
  async close(): Promise<void> {
    this.#state = 'closed';
    clearTimeout(this.#timer);
    const running = this.#jobs.filter((planned) => planned.running !== null);
    if (running.length === 0) return;
    this.#ending.abort(new Error('the plugin is closed'));
    const ended = await within(Promise.all(running.map((planned) => planned.running)), CLOSE_WITHIN);
    if (ended !== LATE) return;
    for (const { job, running: still } of running)
      if (still !== null)
        this.#warn(job, `still runs after ${CLOSE_WITHIN / 1000} s, although its signal was aborted: let it end then`);
  }

  #look(): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'begun' || this.#jobs.length === 0) return;
    const now = this.#clock();
    for (const planned of this.#jobs) if (planned.next <= now) this.#turn(planned, now);
    const next = Math.min(...this.#jobs.map((planned) => planned.next));
    if (next === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(next - now, 1), LOOK_WITHIN));
    this.#timer.unref();
  }

  #turn(planned: Planned, now: number): void {
    const { job, running } = planned;
    const { interval } = job;
    planned.next = interval === null ? Number.POSITIVE_INFINITY : nextTurn(job, interval, now);
    if (running !== null) {
      this.#warn(job, `still runs, so its turn is left out`);
      return;
    }
    const turn = job.at ?? Math.floor(now / (interval ?? 1));
    planned.running = this.#run(planned, turn).finally(() => {
      planned.running = null;
    });
  }

  /** Never rejects. Resolves when the job has ended, also where that is after its deadline. */
  async #run(planned: Planned, turn: number): Promise<void> {
    const { job, mark } = planned;
    const { turns } = job;
    if (turns !== null) {
      try {
        if (!(await turns.claim(turn))) return;
      } catch (error) {
        planned.next = Math.min(planned.next, this.#clock() + RETRY_AFTER);
        this.#warn(job, `could not begin: ${firstLineOf(error)}; tried again in ${RETRY_AFTER / 1000} s`);
        return;
      }
    }
    const end = new AbortController();
    const late = setTimeout(() => {
      const words = `did not end within ${job.deadline / 1000} s`;
      this.#failed(job, words);
      end.abort(new Error(words));
    }, job.deadline);
    const keeping = turns === null ? undefined : setInterval(() => void this.#keep(job, turns, end), KEEP_EVERY);
    const began = performance.now();
    try {
      const call = { signal: AbortSignal.any([end.signal, this.#ending.signal]) };
      const answer: unknown = whileRunning(mark, () => job.run(call));
      await new Promise((settle) => settle(answer));
    } catch (error) {
      // What it says of its abortion has been told.
      if (!end.signal.aborted && !this.#ending.signal.aborted) this.#failed(job, `failed: ${firstLineOf(error)}`);
    } finally {
      clearTimeout(late);
      clearInterval(keeping);
      counters.hookDuration.observe((performance.now() - began) / 1000, job.plugin, `job ${job.name}`);
    }
    await turns?.release().catch((error: unknown) => this.#warn(job, `was not released: ${firstLineOf(error)}`));
  }

  async #keep(job: Job, turns: Turns, end: AbortController): Promise<void> {
    const isKept = await turns.keep().catch(() => true);
    if (isKept || end.signal.aborted) return;
    this.#failed(job, 'was taken over by another process, which took this one for dead');
    end.abort(new Error('another process has taken the job over'));
  }

  #failed(job: Job, words: string): void {
    counters.hookFailures.count(job.plugin, `job ${job.name}`);
    this.#warn(job, words);
  }

  #warn({ plugin, name }: Job, words: string): void {
    this.#log.warn({ plugin, job: name }, `plugin ${plugin}: job ${name} ${words}`);
  }
}

/** A turn of all processes is looked for at once: it may have been missed. */
const firstTurn = ({ at, interval, turns }: Job, now: number): number =>
  turns !== null ? (at ?? 0) : at === null ? now + (interval ?? 0) : at >= now ? at : Number.POSITIVE_INFINITY;

/** All processes look at the same times. */
const nextTurn = ({ turns }: Job, interval: number, now: number): number =>
  turns === null ? now + interval : (Math.floor(now / interval) + 1) * interval;
