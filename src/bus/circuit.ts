/**
 * A circuit breaker for one handler: after many consecutive failures it is skipped for a while, so that a hanging
 * plugin does not delay every session by its whole deadline.
 *
 * One success closes it. The pause doubles with each failed trial, up to a limit. Time is injected.
 */
import type { Clock } from '../clock.ts';

/** Consecutive failures before the first pause. @internal */
export const FAILURES_TO_OPEN = 10;
export const FIRST_PAUSE = 5_000;
export const LONGEST_PAUSE = 60_000;

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
   * False while the handler is to be skipped. After the pause one call is admitted as a trial; others wait for its
   * result.
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

  /** Returns how many calls were skipped while it was open, or null if it was closed already. */
  succeeded(): number | null {
    if (this.#failures === 0) return null;
    const skipped = this.#pause === 0 ? null : this.#skipped;
    this.#failures = 0;
    this.#pause = 0;
    this.#skipped = 0;
    this.#trial = false;
    return skipped;
  }

  /** Returns the pause in ms that starts with this failure, or 0. */
  failed(): number {
    this.#failures += 1;
    // While it is open, only the trial counts; other results are from calls started before.
    if (this.#failures < FAILURES_TO_OPEN || (this.#pause > 0 && !this.#trial)) return 0;
    this.#trial = false;
    this.#pause = this.#pause === 0 ? FIRST_PAUSE : Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#openUntil = this.#clock() + this.#pause;
    return this.#pause;
  }
}
