/** Lets so many tasks run at once; others wait in their order, and beyond the waiting room they are refused. */

export interface Turns {
  /** Rejects with a TurnsFullError where the waiting room is full, else as the task does. */
  run<T>(task: () => Promise<T>): Promise<T>;
}

export class TurnsFullError extends Error {
  override readonly name = 'TurnsFullError';
}

export function createTurns(atOnce: number, waitingRoom: number): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    async run(task) {
      if (running >= atOnce) {
        if (waiting.length >= waitingRoom) throw new TurnsFullError(`more than ${waitingRoom} tasks wait for their turn`);
        // The one who leaves hands its place over: `running` stays as it is.
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        running += 1;
      }
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
  };
}
