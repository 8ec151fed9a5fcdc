/**
 * The server's side: a plugin in a worker, a process of its own. When it ends by itself, calls in flight fail, and another one is
 * started: at once the first time, then after pauses that grow as those of a handler's circuit do.
 */
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import type { About, Candidate, Source } from '../candidate.ts';
import { FIRST_PAUSE, LONGEST_PAUSE } from '../circuit.ts';
import type { HookName } from '../hook.ts';
import type { LentToAll, PluginHost, Registrant } from '../lending.ts';
import type { JobPlan } from '../lent/jobs.ts';
import type { RouteAnswer, RouteHandler } from '../lent/routes.ts';
import { hasOtherCode } from '../locate.ts';
import { readOutcome } from '../outcome.ts';
import type { Handler } from '../plugin.ts';
import type { Outcome, Question } from '../restriction.ts';
import { LATE, within } from '../settle.ts';
import { crossingOf, JOB, QUESTION, ROUTE } from './crossing.ts';
import { type Asked, type End, Life, type Reachable } from './life.ts';
import type { Registered } from './registered.ts';

export interface WorkerOptions {
  readonly source: Source;
  /** Undefined: DEFAULT_MEMORY_MB. */
  readonly memoryMb: number | undefined;
  readonly states: PluginStates;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of its heap, and as much again outside of it. */
const DEFAULT_MEMORY_MB = 256;
/** Texts that are said once. */
const MOST_SAID = 100;

/** What it needs to begin again. */
interface Begun {
  readonly house: Reachable;
  readonly deadline: number;
  readonly registered: Registered;
}

export class PluginWorker implements Candidate {
  readonly about: About;
  readonly #options: WorkerOptions;
  #life: Promise<Life>;
  /** Null until it has registered. */
  #begun: Begun | null = null;
  #falls = 0;
  #startedAt = performance.now();
  /** Monotonic, ms; while it is in the future, calls fail at once. */
  #pausedUntil = 0;
  #why = '';
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  readonly #said = new Set<string>();

  /** Imports the plugin in a process. Rejects with an Error that says why it cannot be used, or with FaultyConfiguration. */
  static async open(options: WorkerOptions): Promise<PluginWorker> {
    const early: string[] = [];
    let say = (text: string): void => void early.push(text);
    const life = startLife(options, (text) => say(text));
    const worker = new PluginWorker(options, life, await life.open());
    say = (text) => worker.#say(text);
    early.forEach(say);
    return worker;
  }

  private constructor(options: WorkerOptions, life: Life, about: About) {
    this.#options = options;
    this.#life = Promise.resolve(life);
    this.about = about;
  }

  get file(): string {
    return this.#options.source.located.path;
  }

  async register(bus: PluginHost, registrant: Registrant, lent: LentToAll): Promise<readonly string[]> {
    const { plugin, file, policy, isActive } = registrant;
    const { states, clock } = this.#options;
    const house = { plugin, lent, states, restrictions: bus.restrictions, clock };
    const life = await this.#life;
    const registered = await life.register(house, policy.deadline);
    this.#begun = { house, deadline: policy.deadline, registered };
    this.#watch(life);
    const place = bus.add(plugin, policy, { file, isActive, thread: 'worker' });
    for (const [at, { hook, priority }] of registered.hooks.entries())
      place.on(hook, this.#handler(hook, at), { priority });
    for (const [at, { word, takesArgument, stateful }] of registered.restrictions.entries())
      place.define(word, { takesArgument, stateful, check: (question) => this.#check(word, at, question) });
    for (const [at, plan] of registered.jobs.entries()) place.addJob(plan, ({ signal }) => this.#run(at, plan, signal));
    for (const [at, { method, path }] of registered.routes.entries())
      place.addRoute({ plugin, method, path, deadline: policy.deadline, handler: this.#route(at, path) });
    place.onClose(() => this.close());
    return registered.faults;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const life = await this.#life.catch(() => null);
    await life?.close();
  }

  discard(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#life.then(
      (life) => life.end({ kind: 'closed' }),
      () => {},
    );
  }

  #handler<N extends HookName>(hook: N, at: number): Handler<N> {
    const shape = crossingOf(hook);
    return (argument) => this.#ask({ kind: 'hook', at, name: hook, shape, argument }) as ReturnType<Handler<N>>;
  }

  async #run(at: number, { name }: JobPlan, signal: AbortSignal): Promise<void> {
    const abort = (): void =>
      void this.#life.then(
        (life) => life.abortJob(at),
        () => {},
      );
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#ask({ kind: 'job', at, name: `job ${name}`, shape: JOB, argument: {} });
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #route(at: number, path: string): RouteHandler {
    return ({ query, ...request }) => {
      const argument = { ...request, query: query.toString() };
      return this.#ask({ kind: 'route', at, name: `route ${path}`, shape: ROUTE, argument }) as Promise<RouteAnswer>;
    };
  }

  async #check(word: string, at: number, question: Question): Promise<Outcome> {
    const asked = this.#ask({ kind: 'restriction', at, name: word, shape: QUESTION, argument: question });
    const deadline = this.#begun?.deadline ?? 0;
    const outcome = await within(asked, deadline);
    if (outcome === LATE) throw new Error(`${word} gave no answer within ${deadline / 1000} s`);
    return readOutcome(word, outcome);
  }

  async #ask(asked: Asked): Promise<unknown> {
    const wait = this.#pausedUntil - performance.now();
    if (wait > 0) throw new Error(`its worker ${this.#why}; another one is started in ${Math.ceil(wait / 1000)} s`);
    const life = await this.#life;
    return life.ask(asked);
  }

  /** After an end: imported and registered as before. */
  async #begin({ house, deadline, registered: before }: Begun): Promise<Life> {
    this.#startedAt = performance.now();
    // Sessions would be judged by a version that nobody has loaded, or by one that is half written.
    if (await hasOtherCode(this.#options.source.located)) throw new OtherCode(this.#why);
    const life = startLife(this.#options, (text) => this.#say(text));
    await life.open();
    const registered = await life.register(house, deadline);
    if (!isSame(registered, before)) {
      life.end({ kind: 'closed' });
      throw new Error('it registers something else than before');
    }
    this.#watch(life);
    return life;
  }

  #watch(life: Life): void {
    void life.died.then((end) => this.#fell(end, life.running));
  }

  #fell(end: End, running: string): void {
    if (end.kind === 'closed' || this.#isClosed) return;
    if (performance.now() - this.#startedAt > LONGEST_PAUSE) this.#falls = 0;
    this.#falls += 1;
    const pause = this.#falls === 1 ? 0 : Math.min(FIRST_PAUSE * 2 ** (this.#falls - 2), LONGEST_PAUSE);
    counters.workerEnds.count(this.about.name, end.kind);
    this.#why = end.words;
    const where = running === '' ? '' : ` ${running}`;
    const again = pause === 0 ? 'now' : `in ${pause / 1000} s`;
    this.#warn(`its worker ${end.words}${where}; another one is started ${again}. ${this.#remedy(end.kind)}`);
    this.#pausedUntil = performance.now() + pause;
    if (pause === 0) this.#startAgain();
    else this.#timer = setTimeout(() => this.#startAgain(), pause).unref();
  }

  #startAgain(): void {
    this.#pausedUntil = 0;
    if (this.#begun === null || this.#isClosed) return;
    this.#life = this.#begin(this.#begun);
    this.#life.catch((error: unknown) => {
      if (error instanceof OtherCode) this.#warn(error.message);
      else this.#fell({ kind: 'error', words: `could not be started again: ${firstLineOf(error)}` }, '');
    });
  }

  #remedy(kind: Exclude<End['kind'], 'closed'>): string {
    const settings = `plugins.d/${this.#options.source.listed}.json`;
    return {
      memory: `Mend what it keeps, or raise "memory_mb" in ${settings}`,
      loop: `Mend the loop; if it only needs longer, raise "deadline" in ${settings}`,
      exit: 'A plugin must not end its process: have it throw an Error instead',
      error: 'Mend it',
    }[kind];
  }

  /** Once for each text: it may happen at every call. */
  #say(text: string): void {
    if (this.#said.has(text) || this.#said.size >= MOST_SAID) return;
    this.#said.add(text);
    this.#warn(text);
  }

  #warn(text: string): void {
    this.#options.log.warn({ plugin: this.about.name }, `plugin ${this.about.name}: ${text}`);
  }
}

/** No other worker is started. */
class OtherCode extends Error {
  override readonly name = 'OtherCode';
  constructor(why: string) {
    super(`its worker ${why}, and its code has changed since it was loaded: "posthorn reload" starts it again`);
  }
}

function startLife(options: WorkerOptions, say: (text: string) => void): Life {
  const { source, memoryMb = DEFAULT_MEMORY_MB, clock, log } = options;
  return new Life({
    begin: { source, isRealClock: clock === Date.now },
    memoryMb,
    onUncloneable: (key) => say(`its note "${key}" cannot be cloned or is too large, and is kept on one side`),
    onRubbish: () => say('its worker posted something that the server did not ask for; it is ignored'),
    onPrinted: (line) => log.info({ plugin: source.listed }, `plugin ${source.listed} printed: ${line}`),
  });
}

const isSame = (one: Registered, other: Registered): boolean => wordsOf(one) === wordsOf(other);

const wordsOf = ({ hooks, restrictions, jobs, routes }: Registered): string =>
  JSON.stringify([hooks, restrictions, jobs.map(({ name }) => name), routes]);
