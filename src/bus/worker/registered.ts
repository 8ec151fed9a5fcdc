/** What the server and a worker tell each other when a plugin begins. */
import type { About, Source } from '../candidate.ts';
import type { FaultyConfiguration } from '../configuration/configuration.ts';
import type { HookName } from '../hook.ts';
import type { JobPlan } from '../lent/jobs.ts';
import type { Route } from '../lent/routes.ts';
import type { PackedError } from './packed-error.ts';

/** What a worker begins with. */
export interface WorkerData {
  readonly source: Source;
  readonly isRealClock: boolean;
}

/** What the import gives: a faulty configuration crosses with its lines. */
export type Opened = { readonly about: About } | { readonly faults: FaultyConfiguration['faults'] };

/** What it registered; a handler's number is its place in the list. */
export interface Registered {
  readonly hooks: readonly { readonly hook: HookName; readonly priority: number }[];
  readonly restrictions: readonly {
    readonly word: string;
    readonly takesArgument: boolean;
    readonly stateful: boolean;
  }[];
  readonly jobs: readonly JobPlan[];
  readonly routes: readonly Pick<Route, 'method' | 'path'>[];
  /** What is wrong with it, one sentence each. */
  readonly faults: readonly string[];
}

/** The answer of a call: the verdict, or the error, and what the handler changed (null: nothing). */
export type CallResult = readonly [verdict: unknown, error: PackedError | null, changes: unknown];
