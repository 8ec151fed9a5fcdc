/** The bus that somebody uses, replaceable while it is in use: new calls go to the new one, others end where they began. */
import type { Connection, HookArguments, HookName, Hooks, Verdict } from './hook.ts';

export class HookSwitch implements Hooks {
  #hooks: Hooks;

  constructor(hooks: Hooks) {
    this.#hooks = hooks;
  }

  has(name: HookName, connection?: Connection | null): boolean {
    return this.#hooks.has(name, connection);
  }

  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict> {
    return this.#hooks.run(name, argument);
  }

  become(hooks: Hooks): void {
    this.#hooks = hooks;
  }
}
