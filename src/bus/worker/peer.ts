/**
 * One side of the line between the server and a plugin's worker: requests with answers, in both directions, and
 * messages without. What is sent in one turn of the event loop goes as one message.
 *
 * The other side may post anything: what is not of this form is reported and ignored. Requests in flight are bounded.
 */
import { messageOf } from '../../errors.ts';
import { type PackedError, packError, unpackError } from './packed-error.ts';

/** The kinds of entries of a message, an array of arrays: `[kind, id, …]`. */
const REQUEST = 0;
const ANSWER = 1;
const FAILURE = 2;
const TELL = 3;

/** Requests that wait for an answer. */
const MOST_WAITING = 1_000;

/** `call`: the number of the hook's call in which the other side asks; 0: in none. May return a promise. */
export type Serve = (op: string, args: readonly unknown[], call: number) => unknown;

export interface PeerOptions {
  /** Throws if a value cannot be cloned. */
  readonly post: (message: unknown) => void;
  readonly serve: Serve;
  /** What happens to more requests than may wait for an answer. */
  readonly whenFull: 'reject' | 'hold';
  /** Hears of messages that are not of the protocol. */
  readonly onRubbish: () => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Entry = readonly [kind: number, id: number, ...rest: readonly unknown[]];

export class Peer {
  readonly #options: PeerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #batch: Entry[] = [];
  /** Requests that are sent when others have their answers. */
  #held: (() => void)[] = [];
  #last = 0;
  #ended: Error | null = null;

  constructor(options: PeerOptions) {
    this.#options = options;
  }

  /** Rejects with the error of the other side, or with that of `end`. */
  request(op: string, args: readonly unknown[], call = 0): Promise<unknown> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const isFull = this.#waiting.size >= MOST_WAITING;
    if (isFull && this.#options.whenFull === 'reject')
      return Promise.reject(new Error(`more than ${MOST_WAITING} requests wait for an answer`));
    return new Promise((resolve, reject) => {
      const send = (): void => {
        this.#last += 1;
        this.#waiting.set(this.#last, { resolve, reject });
        this.#send([REQUEST, this.#last, op, args, call]);
      };
      if (isFull) this.#held.push(send);
      else send();
    });
  }

  tell(op: string, args: readonly unknown[], call = 0): void {
    if (this.#ended === null) this.#send([TELL, 0, op, args, call]);
  }

  /** Posts what was sent in this turn. */
  readonly flush = (): void => {
    const batch = this.#batch;
    if (batch.length === 0 || this.#ended !== null) return;
    this.#batch = [];
    try {
      this.#options.post(batch);
    } catch {
      for (const entry of batch) this.#sendAlone(entry);
    }
  };

  receive(message: unknown): void {
    const entries: readonly unknown[] = Array.isArray(message) ? message : [null];
    for (const entry of entries) if (!this.#take(entry)) this.#options.onRubbish();
  }

  /** Whatever waits is rejected; nothing is sent any more. */
  end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
  }

  #send(entry: Entry): void {
    if (this.#batch.push(entry) === 1) setImmediate(this.flush);
  }

  /** One of a batch cannot be cloned: it alone fails. */
  #sendAlone(entry: Entry): void {
    try {
      this.#options.post([entry]);
    } catch (error) {
      const [kind, id] = entry;
      const fault = new Error(`cannot leave its process: ${messageOf(error)}`);
      if (kind === REQUEST) this.#settle(id, null, fault);
      else if (kind !== TELL) this.#options.post([[FAILURE, id, packError(fault)]]);
    }
  }

  /** False if it is not an entry. */
  #take(entry: unknown): boolean {
    if (!Array.isArray(entry)) return false;
    const [kind, id, third, args, call] = entry as readonly unknown[];
    if (typeof id !== 'number') return false;
    if (kind === ANSWER) return this.#settle(id, third, null);
    if (kind === FAILURE) return this.#settle(id, null, unpackError(third));
    if (typeof third !== 'string' || !Array.isArray(args) || typeof call !== 'number') return false;
    if (kind === REQUEST) this.#answer(id, third, args, call);
    else if (kind === TELL) this.#hear(third, args, call);
    else return false;
    return true;
  }

  #settle(id: number, value: unknown, error: Error | null): boolean {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return false;
    this.#waiting.delete(id);
    this.#held.shift()?.();
    if (error === null) waiting.resolve(value);
    else waiting.reject(error);
    return true;
  }

  #answer(id: number, op: string, args: readonly unknown[], call: number): void {
    const failed = (error: unknown): void => this.#reply([FAILURE, id, packError(error)]);
    try {
      const value = this.#options.serve(op, args, call);
      if (value instanceof Promise) value.then((result: unknown) => this.#reply([ANSWER, id, result]), failed);
      else this.#reply([ANSWER, id, value]);
    } catch (error) {
      failed(error);
    }
  }

  #reply(entry: readonly [number, number, unknown | PackedError]): void {
    if (this.#ended === null) this.#send(entry);
  }

  #hear(op: string, args: readonly unknown[], call: number): void {
    try {
      this.#options.serve(op, args, call);
    } catch {
      this.#options.onRubbish();
    }
  }
}
