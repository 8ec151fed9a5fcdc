/** Worker: what the plugin registered, and how it is called. */
import { formatStep, type Trace, traced } from '../../tracing.ts';
import type { Connection } from '../hook.ts';
import type { PluginHost } from '../lending.ts';
import type { JobRun } from '../lent/jobs.ts';
import type { RouteHandler } from '../lent/routes.ts';
import type { Outcome, Restriction } from '../restriction.ts';
import { isThenable } from '../settle.ts';
import { type CrossingRequest, crossingOf, type Fields, JOB, QUESTION, ROUTE } from './crossing.ts';
import type { Mirror } from './mirror.ts';
import { packError } from './packed-error.ts';
import type { CallResult, Registered } from './registered.ts';
import type { Uplink } from './uplink.ts';

/** What of a plugin is called. */
export type Kind = 'hook' | 'restriction' | 'job' | 'route';

interface Handled {
  readonly shape: Fields;
  readonly handle: (argument: never) => unknown;
}

export class Handlers {
  readonly #uplink: Uplink;
  readonly #mirror: Mirror;
  readonly #hooks: (Registered['hooks'][number] & Handled)[] = [];
  readonly #restrictions: (Registered['restrictions'][number] & Handled)[] = [];
  readonly #jobs: (Registered['jobs'][number] & Handled & { readonly abort: () => void })[] = [];
  readonly #routes: (Registered['routes'][number] & Handled)[] = [];
  readonly #closers: (() => void | Promise<void>)[] = [];

  constructor(uplink: Uplink, mirror: Mirror) {
    this.#uplink = uplink;
    this.#mirror = mirror;
  }

  get registered(): Omit<Registered, 'faults'> {
    return {
      hooks: this.#hooks.map(({ hook, priority }) => ({ hook, priority })),
      restrictions: this.#restrictions.map(({ word, takesArgument, stateful }) => ({ word, takesArgument, stateful })),
      jobs: this.#jobs.map(({ shape: _, handle: __, abort: ___, ...plan }) => plan),
      routes: this.#routes.map(({ method, path }) => ({ method, path })),
    };
  }

  /** Where the plugin registers. Restrictions of other plugins are asked for in the server. */
  get host(): PluginHost {
    const own = new Map<string, Restriction>();
    return {
      add: () => ({
        on: (hook, handler, { priority = 0, when } = {}) =>
          void this.#hooks.push({ hook, priority, shape: crossingOf(hook), handle: conditional(handler, when) }),
        addJob: (plan, run) => void this.#jobs.push({ ...plan, ...abortable(run) }),
        addRoute: ({ method, path, handler }) => {
          if (this.#routes.some((route) => route.method === method && route.path === path)) return false;
          this.#routes.push({ method, path, shape: ROUTE, handle: routed(handler) });
          return true;
        },
        onClose: (close) => void this.#closers.push(close),
        define: (word, restriction) => {
          own.set(word, restriction);
          const { takesArgument = false, stateful = true, check } = restriction;
          this.#restrictions.push({ word, takesArgument, stateful, shape: QUESTION, handle: check });
        },
      }),
      restrictions: {
        has: (word) => own.has(word) || this.#elsewhere(word) !== undefined,
        get: (word) => own.get(word) ?? this.#elsewhere(word),
      },
    };
  }

  call(kind: Kind, { at, packed, watched, call }: Called): Promise<CallResult> | CallResult {
    const handled = this.#handled(kind)[at];
    if (handled === undefined) throw new Error('there is no such handler');
    const argument = this.#mirror.unpack(handled.shape, packed);
    const done = (verdict: unknown, error: unknown, failed: boolean): CallResult => {
      try {
        return [verdict, failed ? packError(error) : null, this.#mirror.changes(handled.shape, argument) ?? null];
      } catch (fault) {
        return [null, packError(fault), null];
      }
    };
    try {
      const answer = this.#uplink.inCall(call, () => this.#watched(watched, () => handled.handle(argument as never)));
      return isThenable(answer)
        ? Promise.resolve(answer).then(
            (verdict) => done(verdict, null, false),
            (error: unknown) => done(null, error, true),
          )
        : done(answer, null, false);
    } catch (error) {
      return done(null, error, true);
    }
  }

  #handled(kind: Kind): readonly Handled[] {
    return { hook: this.#hooks, restriction: this.#restrictions, job: this.#jobs, route: this.#routes }[kind];
  }

  abortJob(at: number): void {
    this.#jobs[at]?.abort();
  }

  /** In reverse order, as the bus does. */
  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
  }

  #watched<T>(watched: Watched, run: () => T): T {
    if (watched === 0) return run();
    const watcher: Trace = {
      hypothetical: watched === 2,
      add: (step) => this.#uplink.tell('trace', step.kind === 'log' ? step.text : formatStep(step)),
    };
    return traced(watcher, run);
  }

  /** The connection is that of the call in which it is asked. */
  #elsewhere(word: string): Restriction | undefined {
    const facts = this.#uplink.now('restriction.facts', word) as Pick<Restriction, 'takesArgument' | 'stateful'> | null;
    if (facts === null) return undefined;
    return {
      ...facts,
      check: ({ connection: _, ...question }) =>
        this.#uplink.request('restriction.check', word, question) as Promise<Outcome>,
    };
  }
}

export interface Called {
  /** The handler's place in what was registered. */
  readonly at: number;
  readonly packed: unknown;
  readonly watched: Watched;
  readonly call: number;
}

/** Who watches the call (tracing.ts): nobody, somebody, somebody who asks about a message that does not exist. */
export type Watched = 0 | 1 | 2;

/** A job, which never runs twice at once, and what aborts its signal. */
function abortable(run: JobRun): Handled & { readonly abort: () => void } {
  let ending = new AbortController();
  return {
    shape: JOB,
    handle: async () => {
      ending = new AbortController();
      await run({ signal: ending.signal });
    },
    abort: () => ending.abort(new Error('the job should end')),
  };
}

const routed =
  (handler: RouteHandler): Handled['handle'] =>
  ({ query, body, ...request }: CrossingRequest) =>
    handler({ ...request, query: new URLSearchParams(query), body: Buffer.from(body) });

/** What is not wanted is answered here: the server cannot wait for a `when`. */
function conditional(
  handler: (argument: never) => unknown,
  when: ((connection: Connection | null) => boolean) | undefined,
): Handled['handle'] {
  if (when === undefined) return handler;
  return (argument) => {
    const { connection = null } = argument as { readonly connection?: Connection | null };
    return isWanted(when, connection) ? handler(argument) : { code: 'NEXT' };
  };
}

/** As the bus does: a handler whose condition fails is called. */
function isWanted(when: (connection: Connection | null) => boolean, connection: Connection | null): boolean {
  try {
    return when(connection);
  } catch {
    return true;
  }
}
