/** Hooks without a bus: at most one handler each. */
import { type HookArguments, type HookName, type Hooks, NEXT, type Verdict } from '../../src/bus/hook.ts';

export type Handlers = { [N in HookName]?: (argument: HookArguments[N]) => Verdict | Promise<Verdict> };

export const hooksOf = (handlers: Handlers = {}): Hooks => ({
  has: (name) => handlers[name] !== undefined,
  run: async (name, argument) => (await handlers[name]?.(argument)) ?? NEXT,
});
