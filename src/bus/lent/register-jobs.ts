/** Checks the jobs that a plugin registers. */
import type { Clock } from '../../clock.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import { readDuration } from '../duration.ts';
import type { Job, JobOptions, Jobs } from './jobs.ts';
import { StoreTurns } from './turns.ts';

const NAME = /^[a-z0-9][\w. -]{0,59}$/i;
const DEADLINE = 300;
/** Seconds. */
const SHORTEST = 1;
const LONGEST = 366 * 86_400;

export interface JobPlace {
  readonly plugin: string;
  readonly states: PluginStates;
  readonly clock: Clock;
  /** Runs while the plugin registers. */
  registering(what: string, register: () => void): void;
  add(job: Job): void;
  fault(message: string): void;
}

export function jobsOf({ plugin, states, clock, registering, add, fault }: JobPlace): Jobs {
  const names = new Set<string>();
  /** `times`: null if they are wrong. */
  const register = (
    what: 'every' | 'at',
    expected: string,
    times: Pick<Job, 'at' | 'interval'> | null,
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
        const turns = once === 'per store' ? new StoreTurns(states, clock, { plugin, job: name }) : null;
        add({ plugin, name, ...times, run: run as Job['run'], deadline: Math.min(within * 1000, 2 ** 31 - 1), turns });
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
