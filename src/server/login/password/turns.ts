/**
 * A queue for CPU-bound work: a limited number of tasks run at once, the others wait.
 *
 * Guarantees: waiting clients are served in turn, so one that asks a thousand times delays only itself; urgent tasks
 * come before all others; the queue is bounded, and when it is full, the client with the most waiting tasks loses one.
 */

export interface Turns {
  /**
   * `client`: whose turn it is. `task` receives the number of this client's tasks waiting behind it. Rejects with
   * TurnsFullError if there is no room, otherwise as the task does.
   */
  run<T>(client: string, urgent: boolean, task: (waiting: number) => Promise<T>): Promise<T>;
}

export class TurnsFullError extends Error {
  override readonly name = 'TurnsFullError';
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * First come, first served within a client; clients in turn (a Map keeps its order, and a served client moves to its
 * end).
 */
type Line = Map<string, Waiting[]>;

export function createTurns(atOnce: number, waitingRoom: number): Turns {
  const urgentLine: Line = new Map();
  const line: Line = new Map();
  let running = 0;
  let waiting = 0;

  function wait(client: string, urgent: boolean): Promise<void> {
    const its = urgent ? urgentLine : line;
    if (waiting >= waitingRoom && !makeRoom(its, client)) return Promise.reject(full());
    return new Promise((start, refuse) => {
      const queue = its.get(client) ?? [];
      queue.push({ start, refuse });
      its.set(client, queue);
      waiting += 1;
    });
  }

  const full = (): TurnsFullError => new TurnsFullError(`more than ${waitingRoom} tasks wait for their turn`);

  /** Rejects the latest task of the client with the most waiting; false if that is `client` itself. */
  function makeRoom(its: Line, client: string): boolean {
    let longest: readonly [Line, string, Waiting[]] | null = null;
    for (const candidates of [line, urgentLine]) {
      for (const [name, queue] of candidates)
        if (queue.length > (longest?.[2].length ?? 0)) longest = [candidates, name, queue];
      if (longest !== null) break;
    }
    if (
      longest === null ||
      (longest[0] === its && longest[1] === client) ||
      (longest[0] === urgentLine && its === line)
    )
      return false;
    take(longest[0], longest[1], longest[2], 'last')?.refuse(full());
    return true;
  }

  function take(from: Line, client: string, queue: Waiting[], which: 'first' | 'last'): Waiting | undefined {
    const taken = which === 'first' ? queue.shift() : queue.pop();
    waiting -= 1;
    if (queue.length === 0) from.delete(client);
    return taken;
  }

  function next(): Waiting | undefined {
    for (const from of [urgentLine, line]) {
      for (const [client, queue] of from) {
        const first = take(from, client, queue, 'first');
        if (queue.length > 0) {
          from.delete(client);
          from.set(client, queue);
        }
        return first;
      }
    }
    return undefined;
  }

  return {
    async run(client, urgent, task) {
      // A finishing task hands its slot to the next: `running` does not change.
      if (running >= atOnce) await wait(client, urgent);
      else running += 1;
      try {
        return await task(line.get(client)?.length ?? 0);
      } finally {
        const first = next();
        if (first === undefined) running -= 1;
        else first.start();
      }
    },
  };
}
