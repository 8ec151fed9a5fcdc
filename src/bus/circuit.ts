/**
 * A circuit breaker for one handler: after many failures in a row it is left alone for a while, so
 * that a plugin that hangs does not hold every session for its whole deadline.
 *
 * One success closes it. A pause doubles with each trial that fails, up to a bound. Time is injected.
 */
import type { Clock } from '../clock.ts';

/** Failures in a row, without one success between, before the first pause. @internal */
export const FAILURES_TO_OPEN = 10;
/** @internal */
export const FIRST_PAUSE = 5_000;
const LONGEST_PAUSE = 60_000;

export class Circuit {
  readonly #clock: Clock;
  #failures = 0;
  #pause = 0;
  #openUntil = 0;
  #trial = false;
  #skipped = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * False while the handler is to be left alone. After the pause one call is let through as a trial; others wait for
   * it.
   */
  admits(): boolean {
    if (this.#pause === 0) return true;
    const now = this.#clock();
    if (now < this.#openUntil) {
      this.#skipped += 1;
      return false;
    }
    this.#openUntil = now + this.#pause;
    this.#trial = true;
    return true;
  }

  /** Returns how many calls were left out while it was open, or null where it was closed anyway. */
  succeeded(): number | null {
    if (this.#failures === 0) return null;
    const skipped = this.#pause === 0 ? null : this.#skipped;
    this.#failures = 0;
    this.#pause = 0;
    this.#skipped = 0;
    this.#trial = false;
    return skipped;
  }

  /** Returns the pause in ms that begins with this failure, or 0. */
  failed(): number {
    this.#failures += 1;
    // While it is open only a trial tells anything new; the rest are calls that were begun before.
    if (this.#failures < FAILURES_TO_OPEN || (this.#pause > 0 && !this.#trial)) return 0;
    this.#trial = false;
    this.#pause = this.#pause === 0 ? FIRST_PAUSE : Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#openUntil = this.#clock() + this.#pause;
    return this.#pause;
  }
}
