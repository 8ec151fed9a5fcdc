/**
 * Watches each call of a plugin: one that throws, rejects, never calls `next` or calls it twice is named, and the hook
 * goes on with the next plugin. Haraka itself says such things in its own log alone.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { firstLineOf } from '../../../src/errors.ts';
import type { Haraka, HookItem, HookObject, Next } from './haraka.ts';

interface Running {
  fail(what: string): void;
}

export interface GuardOptions {
  /** `PLUGIN: HOOK …`, one sentence, about what runs on the object. */
  readonly onFailure: (object: HookObject, failure: string) => void;
  /** What happened after the plugin had answered. */
  readonly onLate: (failure: string) => void;
  /** Whose code runs now; null: nobody's. */
  readonly mark: (plugin: string | null, hook: string) => void;
}

const running = new AsyncLocalStorage<Running>();

/** From now on each plugin is watched. */
export function guardPlugins({ plugins }: Haraka, options: GuardOptions): void {
  const runNext = plugins.run_next_hook;
  plugins.run_next_hook = (hook, object, params) => {
    const next = object.hooks_to_run[0];
    if (next !== undefined && hook !== 'log') object.hooks_to_run[0] = guarded(next, hook, object, options);
    runNext(hook, object, params);
  };
}

/** What Haraka calls in the plugin's place: it has the plugin's name, and the time is kept here. */
function guarded([plugin, method]: HookItem, hook: string, object: HookObject, options: GuardOptions): HookItem {
  const call = (next: Next, ...rest: unknown[]): void => {
    let done = false;
    const fail = (what: string): void => {
      if (done) {
        options.onLate(`${plugin.name}: ${hook} ${what} after it had answered`);
        return;
      }
      options.onFailure(object, `${plugin.name}: ${hook} ${what}`);
      answer();
    };
    const answer: Next = (code, text) => {
      clearTimeout(timer);
      if (done) {
        options.onLate(`${plugin.name}: ${hook} called next() twice; the second call is ignored`);
        return;
      }
      done = true;
      next(code, text);
    };
    const tooLate = (): void => {
      // Not where the client has left: Haraka has cancelled the call.
      if (object.current_hook === item) fail(`gave no answer within ${plugin.timeout} s`);
    };
    const timer = plugin.timeout > 0 ? setTimeout(tooLate, plugin.timeout * 1000) : undefined;
    options.mark(plugin.name, hook);
    try {
      const result = running.run({ fail }, () =>
        Reflect.apply(plugin[method] as (...all: unknown[]) => unknown, plugin, [answer, ...rest]),
      );
      if (isThenable(result)) result.then(undefined, (error: unknown) => fail(`rejected: ${firstLineOf(error)}`));
    } catch (error) {
      fail(`threw: ${firstLineOf(error)}`);
    } finally {
      options.mark(null, hook);
    }
  };
  const item: HookItem = [{ name: plugin.name, timeout: 0, [method]: call }, method];
  return item;
}

/** Plugins have promises of their own realm. */
const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';

/** What was thrown where nobody could catch it: a plugin's timer or callback. Returns false if it is nobody's. */
export function blame(error: unknown): boolean {
  const call = running.getStore();
  if (call === undefined) return false;
  call.fail(`threw later: ${firstLineOf(error)}`);
  return true;
}
