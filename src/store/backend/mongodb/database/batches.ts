/**
 * Gathers requests of the same kind into few commands: what comes in one turn of the event loop, or while the commands
 * before it are under way, goes together.
 */

interface Waiting<In, Out> {
  readonly item: In;
  readonly resolve: (out: Out) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLimits<In> {
  /** Items per command. */
  readonly most: number;
  /** Commands under way at the same time. */
  readonly atOnce: number;
  /** Octets of an item, of which a command has about MOST_OCTETS. */
  readonly octets?: (item: In) => number;
}

const MOST_OCTETS = 8 * 1024 * 1024;

export class Batches<In, Out> {
  readonly #send: (items: readonly In[]) => Promise<readonly Out[]>;
  readonly #limits: BatchLimits<In>;
  #waiting: Waiting<In, Out>[] = [];
  #running = 0;
  #scheduled = false;

  /** `send` returns one result for each item; if it rejects, all of them do. */
  constructor(send: (items: readonly In[]) => Promise<readonly Out[]>, limits: BatchLimits<In>) {
    this.#send = send;
    this.#limits = limits;
  }

  add(item: In): Promise<Out> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#next();
      });
    });
  }

  #next(): void {
    while (this.#running < this.#limits.atOnce && this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, this.#count());
      this.#running += 1;
      void this.#run(some).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  #count(): number {
    const { most, octets } = this.#limits;
    if (octets === undefined) return most;
    let sum = 0;
    let count = 0;
    while (count < most && count < this.#waiting.length && sum < MOST_OCTETS) {
      const next = this.#waiting[count];
      sum += next === undefined ? 0 : octets(next.item);
      count += 1;
    }
    return count;
  }

  async #run(some: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const results = await this.#send(some.map(({ item }) => item));
      for (const [i, { resolve }] of some.entries()) resolve(results[i] as Out);
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }
}
