/** A clock that stands still until everything waits for it. */
import { setImmediate as turn } from 'node:timers/promises';

export class VirtualTime {
  now = 0;
  #sleepers: { readonly at: number; readonly wake: () => void }[] = [];

  readonly clock = (): number => this.now;
  readonly sleep = (ms: number): Promise<void> =>
    new Promise((wake) => this.#sleepers.push({ at: this.now + ms, wake }));

  /** Lets time pass until the promise is settled; returns its result and the time when it settled. */
  async until<T>(promise: Promise<T>): Promise<{ readonly result: T; readonly at: number }> {
    let settled: { readonly result: T; readonly at: number } | null = null;
    const watching = promise.then((result) => {
      settled = { result, at: this.now };
    });
    for (;;) {
      await turn();
      if (settled !== null) {
        await watching;
        return settled;
      }
      const next = this.#sleepers.sort((a, b) => a.at - b.at).shift();
      if (next === undefined) continue;
      this.now = Math.max(this.now, next.at);
      next.wake();
    }
  }
}
