/**
 * When what failed is tried again: soon, then less often, and no longer than a client may wait. A driver that has waited
 * for a server that long itself leaves no time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isPassing } from './failure.ts';

/** Between two attempts, ms. */
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1000;

export class Retries {
  readonly #until: number;
  #pause = FIRST_PAUSE;

  /** `patience`: from now on, ms. */
  constructor(patience: number) {
    this.#until = performance.now() + patience;
  }

  /** Waits for the next attempt; false if there is none. */
  async again(): Promise<boolean> {
    const pause = this.#pause;
    if (performance.now() + pause >= this.#until) return false;
    this.#pause = Math.min(LONGEST_PAUSE, pause * 3);
    await delay(pause);
    return true;
  }
}

/** For what may be done several times. */
export async function patiently<T>(patience: number, act: () => Promise<T>): Promise<T> {
  for (const retries = new Retries(patience); ; ) {
    try {
      return await act();
    } catch (error) {
      if (!isPassing(error) || !(await retries.again())) throw error;
    }
  }
}
