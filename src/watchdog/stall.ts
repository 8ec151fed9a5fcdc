/**
 * Decides whether the event loop is stuck. Pure: time and heartbeats are arguments.
 *
 * A process that was suspended (SIGSTOP, a laptop's sleep, a paused virtual machine) does not count as stuck: only time
 * in which the watchdog itself ran on schedule is added up.
 */

/** Interval of the watchdog's checks, ms. */
export const LOOK_MS = 1_000;
/** If a check comes later than this after the previous one, the watchdog did not run either. */
const LATE_MS = 2_500;
/** How long the loop may be blocked, ms; and the same while long work of our own is running. @internal */
export const STALL_MS = 5_000;
/** @internal */
export const LONG_WORK_MS = 300_000;

export interface Sign {
  readonly beats: number;
  /** A plugin is running. */
  readonly plugin: boolean;
  /** Work of our own that may take long is running. */
  readonly longWork: boolean;
  /** A debugger is attached, so the thread may be stopped on purpose. */
  readonly debugger: boolean;
}

export class StallDetector {
  #last: number;
  #beats: number;
  #stood = 0;

  /** How long it has been blocked so far, ms. */
  get stood(): number {
    return this.#stood;
  }

  constructor(now: number, beats: number) {
    this.#last = now;
    this.#beats = beats;
  }

  /**
   * To be called every LOOK_MS with a monotonic time in ms. Returns how long the loop has been blocked if that is too
   * long, otherwise null.
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
