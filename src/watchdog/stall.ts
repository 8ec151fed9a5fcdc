/**
 * Decides whether the event loop stands. Pure: time and signs of life are given.
 *
 * A process that was suspended (SIGSTOP, a laptop's sleep, a paused virtual machine) does not count as standing:
 * only time in which the watchdog itself was on time is added up.
 */

/** How often the watchdog looks, ms. */
export const LOOK_MS = 1_000;
/** A look that comes later than this after the last one: the watchdog did not run either. */
const LATE_MS = 2_500;
/** How long the loop may stand, ms; and while work of our own is known to hold it. @internal */
export const STALL_MS = 10_000;
/** @internal */
export const LONG_WORK_MS = 300_000;

export interface Sign {
  readonly beats: number;
  /** A plugin is being run. */
  readonly plugin: boolean;
  /** Work of our own that may take long is under way. */
  readonly longWork: boolean;
  /** A debugger is attached: whoever stops the thread means it. */
  readonly debugger: boolean;
}

export class StallDetector {
  #last: number;
  #beats: number;
  #stood = 0;

  constructor(now: number, beats: number) {
    this.#last = now;
    this.#beats = beats;
  }

  /**
   * To be asked every LOOK_MS with a monotonic time in ms. How long the loop has stood where that is too long,
   * otherwise null.
   */
  look(now: number, sign: Sign): number | null {
    const gap = now - this.#last;
    this.#last = now;
    if (sign.beats !== this.#beats || sign.debugger || gap > LATE_MS) {
      this.#beats = sign.beats;
      this.#stood = 0;
      return null;
    }
    this.#stood += gap;
    const limit = sign.longWork && !sign.plugin ? LONG_WORK_MS : STALL_MS;
    return this.#stood >= limit ? this.#stood : null;
  }
}
