/**
 * A link to a worker without state of its own: started by the first call, stopped when idle for a while (it costs
 * 11 MB), and started again by the next call, also after it died. Calls pending when a worker dies are rejected; later
 * calls are not affected.
 */
import type { Calls } from '../calls.ts';
import type { Link } from './link.ts';

export class LazyLink<Table extends Calls<Table>> {
  readonly #start: (onDeath: () => void) => Promise<Link<Table>>;
  readonly #idleMs: number;
  #link: Promise<Link<Table>> | undefined;
  #asked = 0;
  #idle: NodeJS.Timeout | undefined;
  #leaving: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** `idleMs`: stop the worker after this long without a call. */
  constructor(start: (onDeath: () => void) => Promise<Link<Table>>, idleMs: number) {
    this.#start = start;
    this.#idleMs = idleMs;
  }

  async call<Name extends keyof Table & string>(name: Name, args: Table[Name]['args']): Promise<Table[Name]['result']> {
    if (this.#closed) throw new Error('the store is closed');
    const forget = (): void => {
      this.#link = undefined;
    };
    if (this.#link === undefined) {
      this.#link = this.#start(forget);
      this.#link.catch(forget);
    }
    clearTimeout(this.#idle);
    this.#asked += 1;
    try {
      return await (await this.#link).call(name, args);
    } finally {
      this.#asked -= 1;
      if (this.#asked === 0 && !this.#closed) this.#idle = setTimeout(() => this.#sendAway(), this.#idleMs).unref();
    }
  }

  /** Waits for the answers to pending calls. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    this.#sendAway();
    await this.#leaving;
  }

  #sendAway(): void {
    const link = this.#link;
    this.#link = undefined;
    const left = link?.then((open) => open.close()).catch(() => undefined);
    this.#leaving = Promise.all([this.#leaving, left]);
  }
}
