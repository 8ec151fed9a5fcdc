/** Checks the jobs that a plugin registers. */
import { readDuration } from '../duration.ts';
import type { JobOptions, JobPlan, JobRun, Jobs } from './jobs.ts';

const NAME = /^[a-z0-9][\w. -]{0,59}$/i;
const DEADLINE = 300;
/** Seconds. */
const SHORTEST = 1;
const LONGEST = 366 * 86_400;
/** Of a timer, ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

export interface JobPlace {
  /** Runs while the plugin registers. */
  registering(what: string, register: () => void): void;
  add(plan: JobPlan, run: JobRun): void;
  fault(message: string): void;
}

export function jobsOf({ registering, add, fault }: JobPlace): Jobs {
  const names = new Set<string>();
  /** `times`: null if they are wrong. */
  const register = (
    what: 'every' | 'at',
    expected: string,
    times: Pick<JobPlan, 'at' | 'interval'> | null,
    name: unknown,
    run: unknown,
    { once, deadline = DEADLINE }: JobOptions,
  ): void =>
    registering(`server.jobs.${what}`, () => {
      const shown = `server.jobs.${what}(${typeof name === 'string' ? `…, '${name.slice(0, 60)}'` : '…'})`;
      const within = readDuration(deadline);
      if (times === null) fault(`${shown} needs ${expected}`);
      else if (typeof name !== 'string' || !NAME.test(name))
        fault(`${shown} needs a name of letters, digits, spaces, dots and hyphens`);
      else if (names.has(name)) fault(`${shown}: there is a job of that name already`);
      else if (typeof run !== 'function') fault(`${shown} needs a function, got ${typeof run}`);
      else if (once !== undefined && once !== 'per process' && once !== 'per store')
        fault(`${shown} needs 'per process' or 'per store' as its once`);
      else if (within === null || within < SHORTEST || within > LONGEST)
        fault(`${shown} needs a time of at least 1 s as its deadline, such as '10 min'`);
      else {
        names.add(name);
        const milliseconds = Math.min(within * 1000, LONGEST_TIMER);
        add({ name, ...times, deadline: milliseconds, isOncePerStore: once === 'per store' }, run as JobRun);
      }
    });
  return {
    every(interval, name, run, options = {}) {
      const seconds = readDuration(interval);
      const isRight = seconds !== null && seconds >= SHORTEST && seconds <= LONGEST;
      const times = isRight ? { interval: Math.round(seconds * 1000), at: null } : null;
      register('every', "a time from 1 s to 366 days, such as '1 h'", times, name, run, options);
    },
    at(when, name, run, options = {}) {
      const at = Number(when);
      const times = Number.isFinite(at) ? { interval: null, at } : null;
      register('at', 'a Date, or milliseconds since 1970 UTC', times, name, run, options);
    },
  };
}
