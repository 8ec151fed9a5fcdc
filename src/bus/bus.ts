/**
 * The bus: calls plugins at the hooks of `hook.ts`, in order, each within its deadline.
 *
 * Guarantees: `run` never rejects, whatever a plugin throws or returns; a handler that throws, rejects, hangs or
 * returns an invalid answer is logged once per call and counts as its plugin's failure mode; anything it does later is
 * ignored. Handlers that return synchronously need no timer. Observing hooks reach every handler.
 */
import type { Clock } from '../clock.ts';
import { counters } from '../counters.ts';
import { firstLineOf, isInstance } from '../errors.ts';
import type { Log } from '../log.ts';
import { formatReply } from '../mail/status.ts';
import { enter, leave, noteAwaited, type RunningMark, runningMark, whileRunning } from '../running.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import { StoreUnavailableError } from '../store/store.ts';
import { type Trace, trace } from '../tracing.ts';
import type { Activation, ActiveFor } from './activation.ts';
import { checkChanges } from './changes.ts';
import { Circuit } from './circuit.ts';
import { type Connection, type HookArguments, type HookName, type Hooks, NEXT, type Verdict } from './hook.ts';
import { type JobPlan, type JobRun, JobTable } from './lent/jobs.ts';
import { type Route, RouteTable } from './lent/routes.ts';
import { StoreTurns } from './lent/turns.ts';
import type { Handler, HookOptions } from './plugin.ts';
import { dropFaultyPrepends } from './prepended.ts';
import { queueIdOf } from './queue-id.ts';
import { readRefusal } from './refusal.ts';
import type { Restriction } from './restriction.ts';
import { isThenable, LATE, within } from './settle.ts';
import { AnswerFault, canBeOverruled, failureVerdict, isObserving, readVerdict } from './verdict.ts';

export interface PluginPolicy {
  /** The longest that one call may take, in ms. */
  readonly deadline: number;
  /** How a failed call counts: as a temporary refusal, or as no opinion. Observing hooks always pass. */
  readonly onError: 'defer' | 'pass';
  /** See Plugin.stateless. */
  readonly stateless?: boolean;
  /** What it wants: `after greylist`, `before spam (not enabled)`. */
  readonly order?: readonly string[];
  /** Absent: for everybody. */
  readonly activeFor?: ActiveFor;
}

export const DEFAULT_POLICY: PluginPolicy = { deadline: 30_000, onError: 'defer' };

/** A plugin as the bus knows it, for administrators. */
export interface PluginFacts {
  readonly name: string;
  /** What was imported; null where it was not a file. */
  readonly file: string | null;
  readonly policy: PluginPolicy;
  readonly thread: 'main' | 'worker';
  /** Why it is not asked; absent: it is. */
  readonly leftOut?: string;
  /** Why its version before is used; absent: the newest is. */
  readonly fellBack?: string;
  /** The version that is asked beside it; `file` is null where that one does not run. */
  readonly next?:
    | { readonly file: string; readonly hooks: readonly HookName[] }
    | { readonly file: null; readonly why: string };
  /** In the order in which they were registered. */
  readonly hooks: readonly { readonly hook: HookName; readonly priority: number }[];
  /** The words of `smtpd_*_restrictions` that it defined. */
  readonly restrictions: readonly string[];
  /** The names of its jobs. */
  readonly jobs: readonly string[];
  /** `GET /status`: below `/plugins/<name>`. */
  readonly routes: readonly string[];
}

/** Where a plugin is from, where it runs and for whom. */
export interface Placing extends Partial<Pick<PluginFacts, 'file' | 'thread' | 'leftOut'>> {
  readonly isActive?: Activation;
}

/** Through this a plugin registers on the bus. */
export interface PluginPlace {
  on<N extends HookName>(hook: N, handler: Handler<N>, options?: HookOptions): void;
  onClose(close: () => void | Promise<void>): void;
  /** `word` is not defined yet. */
  define(word: string, restriction: Restriction): void;
  addJob(plan: JobPlan, run: JobRun): void;
  /** False if there is that one already. */
  addRoute(route: Route): boolean;
}

/** A handler of another version of a plugin. */
export interface Beside {
  /** Asks it, and the used version's handler, whose verdict it returns. Rejects only if `askUsed` does. */
  compare(argument: object, askUsed: () => Verdict | Promise<Verdict>): Promise<Verdict>;
}

/** Another version of a plugin, which decides nothing. */
export interface Accompanying {
  /** What was imported. */
  readonly file: string;
  readonly hooks: readonly HookName[];
  /** Of its handlers at a hook, in their order. */
  priorities(hook: HookName): readonly number[];
  /** Its counterpart of the used version's nth handler. */
  at(hook: HookName, n: number): Beside;
  close(): Promise<void>;
}

/** A handler without its hook's type: the bus only calls it with arguments of the same hook. */
type AnyHandler = (argument: never) => unknown;

interface Registration {
  readonly plugin: string;
  readonly rank: number;
  readonly hook: HookName;
  readonly handler: AnyHandler;
  readonly priority: number;
  readonly when: HookOptions['when'];
  readonly policy: PluginPolicy;
  readonly isActive: Activation;
}

interface Listener extends Registration {
  readonly circuit: Circuit;
  /** For a watcher in another thread. */
  readonly mark: RunningMark;
  /** Of the next version of the plugin. */
  beside: Beside | null;
  /** Told how long a call took, in seconds. */
  readonly took: (seconds: number) => void;
  /** Hears whether a call has failed. */
  watcher: ((hasFailed: boolean) => void) | null;
}

/** A run that waits for an answer: `from` is whose. */
interface Waited {
  readonly listeners: readonly Listener[];
  readonly from: number;
  readonly first: Promise<Verdict>;
  readonly argument: object;
  readonly watcher: Trace | null;
}

const UNDECIDED: Promise<Verdict> = Promise.resolve(NEXT);

export class Bus implements Hooks {
  /** The words of `smtpd_*_restrictions` that plugins defined, in lower case. */
  readonly restrictions = new Map<string, Restriction>();
  /** In the order in which they are called. */
  readonly plugins: PluginFacts[] = [];
  /** They begin when somebody says so: a bus that is only checked runs none. */
  readonly jobs: JobTable;
  readonly routes: RouteTable;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #states: PluginStates | undefined;
  readonly #releases: (() => void)[] = [];
  readonly #listeners = new Map<HookName, Listener[]>();
  readonly #closers: {
    readonly plugin: string;
    readonly close: () => void | Promise<void>;
    readonly policy: PluginPolicy;
  }[] = [];
  /** Runs waiting for a promise. */
  #pending = 0;
  #idle: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  /** When the last handler returned, ms: where the next one of the same run begins. */
  #returnedAt = 0;

  /** `states`: where it is kept which process runs a job; without it each process runs all. */
  constructor(options: { readonly log: Log; readonly clock: Clock; readonly states?: PluginStates }) {
    this.#log = options.log;
    this.#clock = options.clock;
    this.#states = options.states;
    this.jobs = new JobTable(options);
    this.routes = new RouteTable(options.log);
  }

  /** Adds a plugin after those added before. It registers its hooks through the result. */
  add(
    plugin: string,
    policy: PluginPolicy = DEFAULT_POLICY,
    { file = null, isActive = null, thread = 'main', leftOut }: Placing = {},
  ): PluginPlace {
    const facts = {
      name: plugin,
      file,
      policy,
      thread,
      ...(leftOut === undefined ? {} : { leftOut }),
      hooks: [] as PluginFacts['hooks'][number][],
      restrictions: [] as string[],
      jobs: [] as string[],
      routes: [] as string[],
    };
    const rank = this.plugins.push(facts);
    return {
      define: (word, restriction) => {
        facts.restrictions.push(word);
        this.restrictions.set(word, restriction);
      },
      on: (hook, handler, { priority = 0, when } = {}) => {
        facts.hooks.push({ hook, priority });
        this.#listen({ plugin, rank, hook, handler, priority, when, policy, isActive });
      },
      addJob: ({ isOncePerStore, ...job }, run) => {
        facts.jobs.push(job.name);
        const states = isOncePerStore ? this.#states : undefined;
        const turns = states === undefined ? null : new StoreTurns(states, this.#clock, { plugin, job: job.name });
        this.jobs.add({ ...job, plugin, run, turns });
      },
      addRoute: (route) => {
        const isNew = this.routes.add(route);
        if (isNew) facts.routes.push(`${route.method} ${route.path}`);
        return isNew;
      },
      onClose: (close) => void this.#closers.push({ plugin, close, policy }),
    };
  }

  #listen(registered: Registration): Listener {
    const { plugin, hook } = registered;
    const listener: Listener = {
      ...registered,
      circuit: new Circuit(this.#clock),
      mark: runningMark(plugin, `hook ${hook}`),
      took: counters.hookDuration.observer(plugin, hook),
      beside: null,
      watcher: null,
    };
    this.#listeners.set(hook, [...(this.#listeners.get(hook) ?? []), listener].sort(inTurn));
    return listener;
  }

  has(name: HookName, connection?: Connection | null): boolean {
    const listeners = this.#listeners.get(name);
    return listeners !== undefined && (connection === undefined || listeners.some((one) => isWanted(one, connection)));
  }

  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict> {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return UNDECIDED;
    if (isObserving(name)) return this.#tell(listeners, argument);
    const watcher = trace();
    this.#returnedAt = performance.now();
    for (let i = 0; i < listeners.length; i += 1) {
      const listener = listeners[i];
      if (listener === undefined) break;
      const answer = this.#answer(listener, argument, watcher);
      if (answer instanceof Promise) return this.#wait({ listeners, from: i, first: answer, argument, watcher });
      if (answer.code !== 'NEXT') return Promise.resolve(answer);
    }
    return UNDECIDED;
  }

  /** From now on no other plugin is called. False: there is none of that name. */
  callOnly(plugin: string): boolean {
    for (const [hook, listeners] of this.#listeners) {
      const own = listeners.filter((one) => one.plugin === plugin);
      if (own.length > 0) this.#listeners.set(hook, own);
      else this.#listeners.delete(hook);
    }
    return this.plugins.some(({ name }) => name === plugin);
  }

  /** From now on the next version of a plugin that has registered is asked beside it. It is closed with the bus. */
  accompany(plugin: string, shadow: Accompanying): void {
    const own = [...this.#listeners.values()].flat().filter((one) => one.plugin === plugin);
    for (const hook of new Set([...own.map((one) => one.hook), ...shadow.hooks])) {
      const used = own.filter((one) => one.hook === hook);
      for (const [n, listener] of used.entries()) listener.beside = shadow.at(hook, n);
      // Where the used version has no handler, it has no opinion.
      const more = shadow.priorities(hook).slice(used.length);
      const place = own[0];
      if (place === undefined || more.length === 0) continue;
      const { rank, policy, isActive } = place;
      for (const [n, priority] of more.entries())
        this.#listen({ plugin, rank, hook, handler: () => NEXT, priority, when: undefined, policy, isActive }).beside =
          shadow.at(hook, used.length + n);
    }
    const { policy } = own[0] ?? { policy: DEFAULT_POLICY };
    this.#closers.push({ plugin, close: () => shadow.close(), policy });
    this.describe(plugin, { next: { file: shadow.file, hooks: shadow.hooks } });
  }

  /** Tells after each call of a plugin that has registered whether it failed. */
  watch(plugin: string, watcher: (hasFailed: boolean) => void): void {
    for (const listeners of this.#listeners.values())
      for (const listener of listeners) if (listener.plugin === plugin) listener.watcher = watcher;
  }

  /** For administrators. */
  describe(plugin: string, facts: Pick<PluginFacts, 'fellBack' | 'next'>): void {
    const found = this.plugins.find(({ name }) => name === plugin);
    if (found !== undefined) Object.assign(found, facts);
  }

  /**
   * Waits for jobs and current runs (bounded by their deadlines), then closes the plugins in reverse order. Never rejects; a
   * second call waits for the first.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** After the plugins: `release` must not throw. */
  whenClosed(release: () => void): void {
    this.#releases.push(release);
  }

  async #close(): Promise<void> {
    await this.jobs.close();
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    for (const { plugin, close, policy } of this.#closers.toReversed()) {
      try {
        const closing: unknown = whileRunning(runningMark(plugin, 'close'), close);
        if (isThenable(closing) && (await within(closing, policy.deadline)) === LATE) throw new Error(noAnswer(policy));
      } catch (error) {
        this.#log.warn({ plugin, error: firstLineOf(error) }, `plugin ${plugin}: close failed: ${firstLineOf(error)}`);
      }
    }
    for (const release of this.#releases) release();
  }

  async #wait({ listeners, from, first, argument, watcher }: Waited): Promise<Verdict> {
    this.#pending += 1;
    try {
      let verdict = await first;
      for (let i = from + 1; i < listeners.length && verdict.code === 'NEXT'; i += 1) {
        const listener = listeners[i];
        if (listener === undefined) break;
        this.#returnedAt = performance.now();
        const answer = this.#answer(listener, argument, watcher);
        verdict = answer instanceof Promise ? await answer : answer;
      }
      return verdict;
    } finally {
      this.#ended();
    }
  }

  #tell(listeners: readonly Listener[], argument: object): Promise<Verdict> {
    const watcher = trace();
    let waiting: Promise<Verdict>[] | null = null;
    this.#returnedAt = performance.now();
    for (const listener of listeners) {
      const answer = this.#ask(listener, argument, watcher);
      if (!(answer instanceof Promise)) continue;
      waiting ??= [];
      waiting.push(answer);
    }
    return waiting === null ? UNDECIDED : this.#waitForAll(waiting);
  }

  async #waitForAll(waiting: readonly Promise<Verdict>[]): Promise<Verdict> {
    this.#pending += 1;
    await Promise.all(waiting);
    this.#ended();
    return NEXT;
  }

  #ended(): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#idle?.();
  }

  /** One handler's verdict; a refusal at a session's hook only if no plugin overrules it at `deny`. */
  #answer(listener: Listener, argument: object, watcher: Trace | null): Verdict | Promise<Verdict> {
    const answer = this.#ask(listener, argument, watcher);
    if (answer === NEXT || !this.#listeners.has('deny') || !canBeOverruled(listener.hook)) return answer;
    return answer instanceof Promise
      ? answer.then((verdict) => this.#overruled(listener, verdict, argument))
      : this.#overruled(listener, answer, argument);
  }

  #overruled(listener: Listener, verdict: Verdict, argument: object): Verdict | Promise<Verdict> {
    if (readRefusal(verdict) === null) return verdict;
    const { plugin, hook } = listener;
    const { connection = null } = argument as { readonly connection?: Connection | null };
    return this.run('deny', { connection, hook, plugin, verdict }).then(({ code }) => (code === 'OK' ? NEXT : verdict));
  }

  /** One handler's verdict; whoever watches (tracing.ts) is told. */
  #ask(listener: Listener, argument: object, watcher: Trace | null): Verdict | Promise<Verdict> {
    if (listener.isActive?.(listener.hook, argument) === false) return NEXT;
    if (watcher === null) return this.#callBeside(listener, argument);
    const { plugin, hook, policy } = listener;
    const tell = (result: string): void => watcher.add({ kind: 'plugin', plugin, hook, result });
    if (watcher.hypothetical && policy.stateless !== true) {
      tell(`not asked, because it may remember what it is asked`);
      return NEXT;
    }
    const told = (verdict: Verdict): Verdict => {
      if (verdict.code !== 'NEXT') tell(verdictWords(verdict));
      return verdict;
    };
    const answer = watcher.hypothetical ? this.#call(listener, argument, false) : this.#callBeside(listener, argument);
    return answer instanceof Promise ? answer.then(told) : told(answer);
  }

  #callBeside(listener: Listener, argument: object): Verdict | Promise<Verdict> {
    const { beside } = listener;
    if (beside === null) return this.#call(listener, argument, true);
    return beside.compare(argument, () => {
      this.#returnedAt = performance.now();
      return this.#call(listener, argument, true);
    });
  }

  /**
   * One handler's verdict as plain data, with failures turned into a verdict. Never throws, and the promise never
   * rejects.
   */
  #call(listener: Listener, argument: object, happens: boolean): Verdict | Promise<Verdict> {
    if (!listener.circuit.admits()) return this.#failure(listener);
    const began = this.#returnedAt;
    const outer = enter(listener.mark);
    let verdict: Verdict | Promise<Verdict>;
    try {
      const answer: unknown = listener.handler(argument as never);
      if (isThenable(answer)) verdict = this.#settle(listener, answer, argument, happens ? began : null);
      else verdict = this.#heard(listener, answer, argument);
    } catch (error) {
      verdict = this.#threw(listener, error, 'threw', argument);
    } finally {
      leave(outer);
    }
    this.#returnedAt = performance.now();
    if (happens && !(verdict instanceof Promise)) listener.took((this.#returnedAt - began) / 1000);
    return verdict;
  }

  /** `began`: null where it is not counted. */
  async #settle(
    listener: Listener,
    pending: PromiseLike<unknown>,
    argument: object,
    began: number | null,
  ): Promise<Verdict> {
    const answered = noteAwaited(listener.mark);
    try {
      const answer = await within(pending, listener.policy.deadline);
      return answer === LATE
        ? this.#failed(listener, noAnswer(listener.policy), argument)
        : this.#heard(listener, answer, argument);
    } catch (error) {
      return this.#threw(listener, error, 'rejected', argument);
    } finally {
      answered();
      if (began !== null) listener.took((performance.now() - began) / 1000);
    }
  }

  /** Throws if the answer is not a verdict or a change is not allowed; getters may throw too. */
  #heard(listener: Listener, answer: unknown, argument: object): Verdict {
    // An observing handler may return nothing.
    const verdict = answer === undefined && isObserving(listener.hook) ? NEXT : readVerdict(answer);
    checkChanges(listener.hook, argument);
    for (const fault of dropFaultyPrepends(argument))
      this.#log.warn(
        ids(listener),
        `plugin ${listener.plugin}: ${listener.hook} prepended a line that is not a header field and is left out: ${fault}`,
      );
    listener.watcher?.(false);
    const skipped = listener.circuit.succeeded();
    if (skipped !== null)
      this.#log.info(
        ids(listener),
        `plugin ${listener.plugin}: ${listener.hook} works again; ${skipped} calls were skipped`,
      );
    return verdict;
  }

  /** That the store cannot be reached is no fault of the plugin: it is called again at once when the store is back. */
  #threw(listener: Listener, error: unknown, verb: 'threw' | 'rejected', argument: object): Verdict {
    if (!isInstance(error, StoreUnavailableError)) return this.#failed(listener, faultOf(error, verb), argument);
    takeBack(listener.hook, argument);
    return this.#failure(listener);
  }

  #failed(listener: Listener, what: string, argument: object): Verdict {
    takeBack(listener.hook, argument);
    const { plugin, hook } = listener;
    counters.hookFailures.count(plugin, hook);
    listener.watcher?.(true);
    const verdict = this.#failure(listener);
    const queueId = queueIdOf(argument);
    this.#log.warn(
      queueId === null ? ids(listener) : { ...ids(listener), queueId },
      `plugin ${plugin}: ${hook}${queueId === null ? '' : ` of ${queueId}`} ${what}; counts as ${verdict.code === 'NEXT' ? 'no opinion' : 'a temporary failure'}`,
    );
    const pause = listener.circuit.failed();
    if (pause > 0)
      this.#log.warn(
        ids(listener),
        `plugin ${plugin}: ${hook} failed too often and is not called for ${pause / 1000} s`,
      );
    return verdict;
  }

  #failure(listener: Listener): Verdict {
    return failureVerdict(isObserving(listener.hook) ? 'pass' : listener.policy.onError);
  }
}

/** The order of calls. */
const inTurn = (a: Listener, b: Listener): number => a.priority - b.priority || a.rank - b.rank;

/** A handler whose condition fails is called: it may well fail too, and is reported then. */
function isWanted({ when, mark }: Listener, connection: Connection | null): boolean {
  if (when === undefined) return true;
  try {
    return whileRunning(mark, () => when(connection));
  } catch {
    return true;
  }
}

const verdictWords = (verdict: Verdict): string =>
  'reply' in verdict && verdict.reply !== undefined ? `${verdict.code} ${formatReply(verdict.reply)}` : verdict.code;

const ids = (listener: Listener): object => ({ plugin: listener.plugin, hook: listener.hook });

const noAnswer = ({ deadline }: PluginPolicy): string => `gave no answer within ${deadline / 1000} s, its "deadline"`;

/**
 * Also checks changes that a handler made before it failed: if its failure counts as no opinion, the core uses them.
 * What it has not finished is given up.
 */
function takeBack(hook: HookName, argument: object): void {
  (argument as { readonly change?: { abandon?(): void } }).change?.abandon?.();
  try {
    checkChanges(hook, argument);
  } catch {
    // Its failure has been reported already.
  }
}

/** What went wrong, to follow the hook's name. The value may be anything: even `instanceof` may throw on it. */
function faultOf(error: unknown, verb: 'threw' | 'rejected'): string {
  return isInstance(error, AnswerFault) ? error.message : `${verb}: ${firstLineOf(error)}`;
}
