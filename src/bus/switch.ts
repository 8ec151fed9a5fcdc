/**
 * The bus currently in use. A reload replaces it atomically: calls in progress finish on the old one, which is then
 * closed; new calls use only the new one.
 */
import type { Bus } from './bus.ts';
import type { Connection, HookArguments, HookName, Hooks, Verdict } from './hook.ts';

export class HookSwitch implements Hooks {
  #bus: Bus;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  has(name: HookName, connection?: Connection | null): boolean {
    return this.#bus.has(name, connection);
  }

  run<N extends HookName>(name: N, argument: HookArguments[N]): Promise<Verdict> {
    return this.#bus.run(name, argument);
  }

  /** Resolves when the old bus is closed; the new one is in use at once. */
  swap(bus: Bus): Promise<void> {
    const old = this.#bus;
    this.#bus = bus;
    return old.close();
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
