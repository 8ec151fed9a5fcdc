/**
 * The bus: asks plugins at the hooks of `hook.ts`, in order, each within its deadline.
 *
 * Guarantees: `run` never rejects; a handler that throws, rejects, hangs or answers nonsense is logged
 * once a call and counts as its plugin's failure mode; nothing it does later is heard. A run over
 * handlers that answer at once takes no timer. Observing hooks reach every handler.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { Circuit } from './circuit.ts';
import { type HookArguments, type HookName, type Hooks, NEXT, type Verdict } from './hook.ts';
import type { Handler } from './plugin.ts';
import type { Restriction } from './restriction.ts';
import { failureVerdict, isObserving, verdictFault } from './verdict.ts';

export interface PluginPolicy {
  /** The most that one call may take, in ms. */
  readonly deadline: number;
  /** What a failed call counts as: a temporary refusal, or no opinion. Observing hooks always pass. */
  readonly onError: 'defer' | 'pass';
}

export const DEFAULT_POLICY: PluginPolicy = { deadline: 30_000, onError: 'defer' };

/** What a plugin may do on the bus. */
export interface PluginPlace {
  on<N extends HookName>(hook: N, handler: Handler<N>, priority?: number): void;
  onClose(close: () => void | Promise<void>): void;
}

/** A handler with its hook's type forgotten: the bus gives it only what the same hook was asked with. */
type AnyHandler = (argument: never) => unknown;

interface Listener {
  readonly plugin: string;
  readonly rank: number;
  readonly hook: HookName;
  readonly handler: AnyHandler;
  readonly priority: number;
  readonly policy: PluginPolicy;
  readonly circuit: Circuit;
}

const UNDECIDED: Promise<Verdict> = Promise.resolve(NEXT);

export class Bus implements Hooks {
  /** The words of `smtpd_*_restrictions` that plugins defined, in lower case. */
  readonly restrictions = new Map<string, Restriction>();
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #listeners = new Map<HookName, Listener[]>();
  readonly #closers: { readonly plugin: string; readonly close: () => void | Promise<void>; readonly policy: PluginPolicy }[] = [];
  #plugins = 0;
  /** Runs that wait for a promise. */
  #pending = 0;
  #idle: (() => void) | null = null;

  constructor(options: { readonly log: Log; readonly clock: Clock }) {
    this.#log = options.log;
    this.#clock = options.clock;
  }

  /** Puts a plugin behind those added before. What it listens to is said through the result. */
  add(plugin: string, policy: PluginPolicy = DEFAULT_POLICY): PluginPlace {
    this.#plugins += 1;
    const rank = this.#plugins;
    const circuit = (): Circuit => new Circuit(this.#clock);
    return {
      on: (hook, handler, priority = 0) => {
        const listeners = [...(this.#listeners.get(hook) ?? []), { plugin, rank, hook, handler, priority, policy, circuit: circuit() }];
        this.#listeners.set(
          hook,
          listeners.sort((a, b) => a.priority - b.priority || a.rank - b.rank),
        );
      },
      onClose: (close) => void this.#closers.push({ plugin, close, policy }),
    };
  }

  has(name: HookName): boolean {
    return this.#listeners.has(name);
  }

  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict> {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return UNDECIDED;
    if (isObserving(name)) return this.#tell(listeners, argument);
    for (let i = 0; i < listeners.length; i += 1) {
      const listener = listeners[i];
      if (listener === undefined) break;
      const answer = this.#ask(listener, argument);
      if (answer instanceof Promise) return this.#wait(listeners, i, answer, argument);
      if (answer.code !== 'NEXT') return Promise.resolve(answer);
    }
    return UNDECIDED;
  }

  /** Waits for the runs under way (their deadlines bound it), then closes the plugins, last one first. Never rejects. */
  async close(): Promise<void> {
    if (this.#pending > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    for (const { plugin, close, policy } of this.#closers.toReversed()) {
      try {
        const closing = close();
        if (closing instanceof Promise) await within(closing, policy.deadline);
      } catch (error) {
        this.#log.warn({ plugin, error: messageOf(error) }, `plugin ${plugin}: close failed: ${messageOf(error)}`);
      }
    }
  }

  async #wait(listeners: readonly Listener[], from: number, first: Promise<Verdict>, argument: object): Promise<Verdict> {
    this.#pending += 1;
    let verdict = await first;
    for (let i = from + 1; i < listeners.length && verdict.code === 'NEXT'; i += 1) {
      const listener = listeners[i];
      if (listener === undefined) break;
      const answer = this.#ask(listener, argument);
      verdict = answer instanceof Promise ? await answer : answer;
    }
    this.#ended();
    return verdict;
  }

  async #tell(listeners: readonly Listener[], argument: object): Promise<Verdict> {
    this.#pending += 1;
    await Promise.all(listeners.map((listener) => this.#ask(listener, argument)));
    this.#ended();
    return NEXT;
  }

  #ended(): void {
    this.#pending -= 1;
    if (this.#pending === 0) this.#idle?.();
  }

  /** One handler's verdict, failures turned into one. The promise never rejects. */
  #ask(listener: Listener, argument: object): Verdict | Promise<Verdict> {
    if (!listener.circuit.admits()) return this.#failure(listener);
    try {
      const answer: unknown = listener.handler(argument as never);
      return isThenable(answer) ? this.#settle(listener, answer) : this.#heard(listener, answer);
    } catch (error) {
      return this.#failed(listener, `threw: ${messageOf(error)}`);
    }
  }

  async #settle(listener: Listener, answer: PromiseLike<unknown>): Promise<Verdict> {
    try {
      return this.#heard(listener, await within(answer, listener.policy.deadline));
    } catch (error) {
      return this.#failed(listener, error instanceof DeadlineError ? error.message : `rejected: ${messageOf(error)}`);
    }
  }

  #heard(listener: Listener, answer: unknown): Verdict {
    // A handler that only watches may answer nothing.
    if (answer !== undefined || !isObserving(listener.hook)) {
      const fault = verdictFault(answer);
      if (fault !== null) return this.#failed(listener, fault);
    }
    const skipped = listener.circuit.succeeded();
    if (skipped !== null) this.#log.info(ids(listener), `plugin ${listener.plugin}: ${listener.hook} works again; ${skipped} calls were not made meanwhile`);
    return answer === undefined ? NEXT : (answer as Verdict);
  }

  #failed(listener: Listener, what: string): Verdict {
    const { plugin, hook } = listener;
    const verdict = this.#failure(listener);
    this.#log.warn(ids(listener), `plugin ${plugin}: ${hook} ${what}; counts as ${verdict.code === 'NEXT' ? 'no opinion' : 'a temporary failure'}`);
    const pause = listener.circuit.failed();
    if (pause > 0) this.#log.warn(ids(listener), `plugin ${plugin}: ${hook} failed too often and is not asked for ${pause / 1000} s`);
    return verdict;
  }

  #failure(listener: Listener): Verdict {
    return failureVerdict(isObserving(listener.hook) ? 'pass' : listener.policy.onError);
  }
}

class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The promise's value, or a DeadlineError. What the promise does later is not heard, its rejection neither. */
function within<T>(promise: PromiseLike<T>, deadline: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineError(`gave no answer within ${deadline / 1000} s`)), deadline);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}

const ids = (listener: Listener): object => ({ plugin: listener.plugin, hook: listener.hook });
const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** An error's first line, bounded: plugins throw all kinds of things. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : typeof error === 'string' ? error : `a value of type ${typeof error}`;
  return text.split('\n', 1).join('').slice(0, 300);
}
