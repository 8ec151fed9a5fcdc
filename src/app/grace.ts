/**
 * The time limit of a shutdown, shared by everything that drains one after another: sessions, then deliveries. Zero
 * before `begin`: a failed start has nothing worth waiting for.
 */
import type { Clock } from '../clock.ts';

export class Grace {
  readonly #clock: Clock;
  #end = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(ms: number): void {
    this.#end = this.#clock() + ms;
  }

  /** Milliseconds, never negative. */
  left(): number {
    return Math.max(0, this.#end - this.#clock());
  }
}
