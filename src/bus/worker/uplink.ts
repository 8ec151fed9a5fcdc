/**
 * Worker: how it asks the server. Most questions are asked with `request`; what a plugin's API answers at once is asked
 * with `now`, which waits: the server answers it in the turn in which it comes.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { unpackError } from './packed-error.ts';
import type { Peer } from './peer.ts';

/** A question to be answered at once, beside the messages of a Peer. */
export type NowQuestion = readonly [op: string, args: readonly unknown[], call: number];
export type NowAnswer = readonly [isRight: boolean, value: unknown];

export interface UplinkOptions {
  readonly peer: Peer;
  readonly ask: (question: NowQuestion) => unknown;
  /** Hears which call's handler runs; 0: none. */
  readonly mark: (call: number) => void;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #call = new AsyncLocalStorage<number>();
  #running = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Runs a handler: what it asks is asked in that call. */
  inCall<T>(call: number, run: () => T): T {
    const outer = this.#running;
    this.#mark(call);
    try {
      return this.#call.run(call, run);
    } finally {
      this.#mark(outer);
    }
  }

  request(op: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#options.peer.request(op, args, this.#number);
  }

  tell(op: string, ...args: readonly unknown[]): void {
    this.#options.peer.tell(op, args, this.#number);
  }

  /** Throws what the server throws. */
  now(op: string, ...args: readonly unknown[]): unknown {
    const { peer, ask } = this.#options;
    peer.flush();
    const [isRight, value] = ask([op, args, this.#number]) as NowAnswer;
    if (isRight) return value;
    throw unpackError(value);
  }

  #mark(call: number): void {
    this.#running = call;
    this.#options.mark(call);
  }

  get #number(): number {
    return this.#call.getStore() ?? 0;
  }
}
