/** How long a process that ended is not started again: longer each time, until one has lived long enough. Pure. */

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** A process that has lived so long, ms, is no part of a series. */
const HEALTHY_MS = 60_000;

export class GrowingPause {
  #next = FIRST_MS;

  /** `lived`: how long the process that has ended had lived, ms. */
  after(lived: number): number {
    if (lived >= HEALTHY_MS) this.#next = FIRST_MS;
    const pause = this.#next;
    this.#next = Math.min(LONGEST_MS, pause * 2);
    return pause;
  }
}
