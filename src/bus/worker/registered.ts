/** What the two threads tell each other when a plugin begins. */
import type { MessagePort } from 'node:worker_threads';
import type { HookName } from '../hook.ts';
import type { Located } from '../locate.ts';
import type { Plugin } from '../plugin.ts';
import type { PackedError } from './packed-error.ts';

/** What the thread begins with. */
export interface ThreadData {
  readonly located: Located;
  readonly config: Readonly<Record<string, unknown>>;
  readonly isRealClock: boolean;
  readonly control: Int32Array<SharedArrayBuffer>;
  /** Answers to what the plugin asks at once. */
  readonly answers: MessagePort;
}

/** What a plugin says about itself. */
export interface Imported {
  readonly name: string;
  readonly onError: Plugin['onError'];
  readonly stateless: boolean;
}

/** What it registered; a handler's number is its place in the list. */
export interface Registered {
  readonly hooks: readonly { readonly hook: HookName; readonly priority: number }[];
  readonly restrictions: readonly {
    readonly word: string;
    readonly takesArgument: boolean;
    readonly stateful: boolean;
  }[];
  /** What is wrong with it, one sentence each. */
  readonly faults: readonly string[];
}

/** The answer of a call: the verdict, or the error, and what the handler changed. */
export type CallResult = readonly [verdict: unknown, error: PackedError | null, changes: unknown];
