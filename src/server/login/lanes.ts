/** Runs the tasks of one key one at a time, or a few at once; further ones wait in order, up to a limit. */

export class LanesFullError extends Error {
  override readonly name = 'LanesFullError';
}

interface Lane {
  running: number;
  readonly waiting: (() => void)[];
}

export class LoginLanes {
  readonly #waitingRoom: number;
  readonly #lanes = new Map<string, Lane>();

  /** `waitingRoom`: tasks that may wait in one lane. */
  constructor(waitingRoom: number) {
    this.#waitingRoom = waitingRoom;
  }

  /**
   * `width` is evaluated anew each time: how many may run at once, at least 1. Rejects with LanesFullError, otherwise
   * as the task does.
   */
  async run<T>(key: string, width: () => number, task: () => Promise<T>): Promise<T> {
    const lane = this.#lanes.get(key) ?? { running: 0, waiting: [] };
    this.#lanes.set(key, lane);
    if (lane.running >= width()) {
      if (lane.waiting.length >= this.#waitingRoom)
        throw new LanesFullError(`more than ${this.#waitingRoom} logins wait`);
      await new Promise<void>((resolve) => lane.waiting.push(resolve));
    } else {
      lane.running += 1;
    }
    try {
      return await task();
    } finally {
      lane.running -= 1;
      while (lane.waiting.length > 0 && lane.running < width()) {
        lane.running += 1;
        lane.waiting.shift()?.();
      }
      if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(key);
    }
  }
}
