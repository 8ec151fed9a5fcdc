/**
 * How long a stop may wait, shared by everything that drains one after the other: sessions, then deliveries.
 * Until `begin` there is none: a start that fails has nothing that is worth waiting for.
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
