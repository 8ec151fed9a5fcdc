/**
 * Turns for work that costs processor time: so many tasks run at once, the others wait.
 *
 * Guarantees: clients that wait are served one after the other, so that one who asks a thousand times delays itself and
 * not the rest; urgent tasks come before all others; what waits is bounded, and room is made at the cost of the client
 * that has the most tasks waiting.
 */

export class TurnsFullError extends Error {
  override readonly name = 'TurnsFullError';
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

/**
 * First come, first served within a client; the clients in turn (a Map keeps its order, and a served client goes to its
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

  /** Sends the latest task away of the client that has the most; false where that is the one who asks. */
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
