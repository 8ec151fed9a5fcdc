/**
 * Main thread: a plugin in a worker thread. When its thread ends by itself, calls in flight fail, and another one is
 * started: at once the first time, then after pauses that grow as those of a handler's circuit do.
 */
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import { firstLineOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import type { PluginPlace, PluginPolicy } from '../bus.ts';
import { FIRST_PAUSE, LONGEST_PAUSE } from '../circuit.ts';
import type { HookName } from '../hook.ts';
import type { Lent } from '../lending.ts';
import type { Located } from '../locate.ts';
import { readOutcome } from '../outcome.ts';
import type { Handler } from '../plugin.ts';
import type { Outcome, Question, Restriction } from '../restriction.ts';
import { LATE, within } from '../settle.ts';
import { crossingOf, QUESTION } from './crossing.ts';
import { type Asked, type End, Life } from './life.ts';
import type { Imported, Registered } from './registered.ts';

export interface WorkerOptions {
  readonly located: Located;
  /** The plugin's own configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly memoryMb: number;
  /** With what the plugin says about itself. */
  readonly policyOf: (imported: Imported) => PluginPolicy;
  readonly lentTo: (plugin: string) => Lent;
  readonly states: PluginStates;
  readonly restrictions: ReadonlyMap<string, Restriction>;
  readonly clock: Clock;
  readonly log: Log;
  /** Where its configuration is, for remedies: `plugins.d/greylist.json`. */
  readonly settings: string;
}

/** Texts that are said once. */
const MOST_SAID = 100;

export class PluginWorker {
  readonly #options: WorkerOptions;
  /** Undefined until it has been imported. */
  #policy: PluginPolicy | undefined;
  #name = '';
  #life: Promise<Life>;
  #registered: (Imported & Registered) | null = null;
  #falls = 0;
  #began = 0;
  /** Monotonic, ms; while it is in the future, calls fail at once. */
  #pausedUntil = 0;
  #why = '';
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;
  readonly #said = new Set<string>();

  /** Rejects with an Error that says why the plugin cannot be used. */
  static async start(options: WorkerOptions): Promise<PluginWorker> {
    const worker = new PluginWorker(options);
    await worker.#life;
    return worker;
  }

  private constructor(options: WorkerOptions) {
    this.#options = options;
    this.#life = this.#begin();
  }

  get registered(): Imported & Registered {
    if (this.#registered === null) throw new Error('the plugin has not been registered');
    return this.#registered;
  }

  get policy(): PluginPolicy {
    if (this.#policy === undefined) throw new Error('the plugin has not been imported');
    return this.#policy;
  }

  /** What the plugin registered in its thread is registered here. */
  registerOn(place: PluginPlace): void {
    const { hooks, restrictions } = this.registered;
    for (const [at, { hook, priority }] of hooks.entries()) place.on(hook, this.#handler(hook, at), { priority });
    for (const [at, { word, takesArgument, stateful }] of restrictions.entries())
      place.define(word, {
        takesArgument,
        stateful,
        check: (question) => this.#check(word, at, question),
      });
    place.onClose(() => this.close());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const life = await this.#life.catch(() => null);
    await life?.close();
  }

  #handler<N extends HookName>(hook: N, at: number): Handler<N> {
    const shape = crossingOf(hook);
    return (argument) => this.#ask({ kind: 'hook', at, name: hook, shape, argument }) as ReturnType<Handler<N>>;
  }

  async #check(word: string, at: number, question: Question): Promise<Outcome> {
    const asked = this.#ask({ kind: 'restriction', at, name: word, shape: QUESTION, argument: question });
    const { deadline } = this.policy;
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

  async #begin(): Promise<Life> {
    const { located, config, memoryMb, clock, states, restrictions } = this.#options;
    const life = new Life({
      thread: { located, config, isRealClock: clock === Date.now },
      memoryMb,
      deadline: () => this.#policy?.deadline ?? Number.POSITIVE_INFINITY,
      house: (imported) => {
        this.#name = imported.name;
        this.#policy = this.#options.policyOf(imported);
        return { plugin: imported.name, lent: this.#options.lentTo(imported.name), states, restrictions, clock };
      },
      onUncloneable: (key) => this.#say(`its note "${key}" cannot be sent to another thread, and is kept on one side`),
      onRubbish: () => this.#say('its worker posted something that the server did not ask for; it is ignored'),
    });
    this.#began = performance.now();
    const registered = await life.begin();
    if (this.#registered !== null && !isSame(registered, this.#registered)) {
      life.end({ kind: 'closed' });
      throw new Error('it registers other hooks than before');
    }
    this.#registered = registered;
    void life.died.then((end) => this.#fell(end, life.running));
    return life;
  }

  #fell(end: End, running: string): void {
    if (end.kind === 'closed' || this.#isClosed) return;
    if (performance.now() - this.#began > LONGEST_PAUSE) this.#falls = 0;
    this.#falls += 1;
    const pause = this.#falls === 1 ? 0 : Math.min(FIRST_PAUSE * 2 ** (this.#falls - 2), LONGEST_PAUSE);
    counters.workerEnds.count(this.#name, end.kind);
    this.#why = end.words;
    const where = running === '' ? '' : `, in ${running}`;
    const again = pause === 0 ? 'now' : `in ${pause / 1000} s`;
    this.#warn(`its worker ${end.words}${where}; another one is started ${again}. ${this.#remedy(end.kind)}`);
    this.#pausedUntil = performance.now() + pause;
    if (pause === 0) this.#startAgain();
    else this.#timer = setTimeout(() => this.#startAgain(), pause).unref();
  }

  #startAgain(): void {
    this.#pausedUntil = 0;
    this.#life = this.#begin();
    this.#life.catch((error: unknown) =>
      this.#fell({ kind: 'error', words: `could not be started again: ${firstLineOf(error)}` }, ''),
    );
  }

  #remedy(kind: Exclude<End['kind'], 'closed'>): string {
    const { settings } = this.#options;
    return {
      memory: `Mend what it keeps, or raise "memory_mb" in ${settings}`,
      loop: `Mend the loop; if it only needs longer, raise "deadline" in ${settings}`,
      exit: 'A plugin must not end its thread: have it throw an Error instead',
      error: 'Mend it: errors of timers, events and promises that nobody awaits end its thread',
    }[kind];
  }

  /** Once for each text: it may happen at every call. */
  #say(text: string): void {
    if (this.#said.has(text) || this.#said.size >= MOST_SAID) return;
    this.#said.add(text);
    this.#warn(text);
  }

  #warn(text: string): void {
    this.#options.log.warn({ plugin: this.#name }, `plugin ${this.#name}: ${text}`);
  }
}

const isSame = (one: Registered, other: Registered): boolean =>
  JSON.stringify([one.hooks, one.restrictions]) === JSON.stringify([other.hooks, other.restrictions]);
