/** Whether a plugin fails so often that its earlier version is better. */

/** Calls that are looked at. @internal */
export const LATEST = 200;
/** Of them. @internal */
export const MOST_FAILURES = 10;

export interface Errors {
  readonly failures: number;
  readonly calls: number;
}

export class ErrorRate {
  readonly #failed = new Uint8Array(LATEST);
  readonly #rose: (errors: Errors) => void;
  #calls = 0;
  #failures = 0;
  #hasRisen = false;

  /** `rose`: called once, at `MOST_FAILURES` of the latest calls. */
  constructor(rose: (errors: Errors) => void) {
    this.#rose = rose;
  }

  count(hasFailed: boolean): void {
    const at = this.#calls % LATEST;
    this.#failures += (hasFailed ? 1 : 0) - (this.#failed[at] ?? 0);
    this.#failed[at] = hasFailed ? 1 : 0;
    this.#calls += 1;
    if (!hasFailed || this.#hasRisen || this.#failures < MOST_FAILURES) return;
    this.#hasRisen = true;
    this.#rose({ failures: this.#failures, calls: Math.min(this.#calls, LATEST) });
  }
}
