/**
 * A queue for CPU-bound work: a limited number of tasks run at once, the others wait.
 *
 * Guarantees: waiting clients are served in turn, so one that asks a thousand times delays only itself; urgent tasks
 * come before all others; the queue is bounded, and when it is full, the client with the most waiting tasks loses one.
 */

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

export class Turns {
  readonly #atOnce: number;
  readonly #waitingRoom: number;
  readonly #urgentLine: Line = new Map();
  readonly #line: Line = new Map();
  #running = 0;
  #waiting = 0;

  constructor(atOnce: number, waitingRoom: number) {
    this.#atOnce = atOnce;
    this.#waitingRoom = waitingRoom;
  }

  /**
   * `client`: whose turn it is. `task` hears how many of this client's tasks wait behind it. Rejects with
   * TurnsFullError where there is no room, otherwise as the task does.
   */
  async run<T>(client: string, urgent: boolean, task: (waiting: number) => Promise<T>): Promise<T> {
    // Whoever ends hands the place over: `#running` stays as it is.
    if (this.#running >= this.#atOnce) await this.#wait(client, urgent);
    else this.#running += 1;
    try {
      return await task(this.#line.get(client)?.length ?? 0);
    } finally {
      const first = this.#next();
      if (first === undefined) this.#running -= 1;
      else first.start();
    }
  }

  #wait(client: string, urgent: boolean): Promise<void> {
    const its = urgent ? this.#urgentLine : this.#line;
    if (this.#waiting >= this.#waitingRoom && !this.#makeRoom(its, client)) return Promise.reject(this.#full());
    return new Promise((start, refuse) => {
      const queue = its.get(client) ?? [];
      queue.push({ start, refuse });
      its.set(client, queue);
      this.#waiting += 1;
    });
  }

  #full(): TurnsFullError {
    return new TurnsFullError(`more than ${this.#waitingRoom} tasks wait for their turn`);
  }

  /** Rejects the latest task of the client with the most waiting; false if that is `client` itself. */
  #makeRoom(its: Line, client: string): boolean {
    let longest: readonly [Line, string, Waiting[]] | null = null;
    for (const candidates of [this.#line, this.#urgentLine]) {
      for (const [name, queue] of candidates)
        if (queue.length > (longest?.[2].length ?? 0)) longest = [candidates, name, queue];
      if (longest !== null) break;
    }
    if (
      longest === null ||
      (longest[0] === its && longest[1] === client) ||
      (longest[0] === this.#urgentLine && its === this.#line)
    )
      return false;
    this.#take(longest[0], longest[1], longest[2], 'last')?.refuse(this.#full());
    return true;
  }

  #take(from: Line, client: string, queue: Waiting[], which: 'first' | 'last'): Waiting | undefined {
    const taken = which === 'first' ? queue.shift() : queue.pop();
    this.#waiting -= 1;
    if (queue.length === 0) from.delete(client);
    return taken;
  }

  #next(): Waiting | undefined {
    for (const from of [this.#urgentLine, this.#line]) {
      for (const [client, queue] of from) {
        const first = this.#take(from, client, queue, 'first');
        if (queue.length > 0) {
          from.delete(client);
          from.set(client, queue);
        }
        return first;
      }
    }
    return undefined;
  }
}
