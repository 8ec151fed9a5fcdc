/**
 * Worker: how it asks the main thread. Most questions are asked with `request`; what a plugin's API answers at once is
 * asked with `now`, which waits: the main thread answers it in the turn in which it comes.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { unpackError } from './packed-error.ts';
import type { Peer } from './peer.ts';

/** Indexes of the memory that both threads see. */
export const ANSWERED = 0;
/** The number of the call whose handler is running; 0: none. */
export const RUNNING = 1;

/** The main thread may be busy; ms. */
const ANSWERED_WITHIN = 30_000;

/** A question to be answered at once, beside the messages of a Peer. */
export type NowQuestion = readonly ['now', id: number, op: string, args: readonly unknown[], call: number];
export type NowAnswer = readonly [id: number, isRight: boolean, value: unknown];

export interface UplinkOptions {
  readonly peer: Peer;
  readonly post: (message: NowQuestion) => void;
  readonly answers: MessagePort;
  readonly control: Int32Array;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #call = new AsyncLocalStorage<number>();
  #asked = 0;

  constructor(options: UplinkOptions) {
    this.#options = options;
  }

  /** Runs a handler: what it asks is asked in that call. */
  inCall<T>(call: number, run: () => T): T {
    const { control } = this.#options;
    const outer = control[RUNNING] ?? 0;
    control[RUNNING] = call;
    try {
      return this.#call.run(call, run);
    } finally {
      control[RUNNING] = outer;
    }
  }

  request(op: string, ...args: readonly unknown[]): Promise<unknown> {
    return this.#options.peer.request(op, args, this.#number);
  }

  tell(op: string, ...args: readonly unknown[]): void {
    this.#options.peer.tell(op, args, this.#number);
  }

  /** Throws what the main thread throws. */
  now(op: string, ...args: readonly unknown[]): unknown {
    const { peer, post, control } = this.#options;
    peer.flush();
    this.#asked += 1;
    control[ANSWERED] = 0;
    post(['now', this.#asked, op, args, this.#number]);
    for (;;) {
      const answer = this.#answer();
      if (answer !== null) {
        const [, isRight, value] = answer;
        if (isRight) return value;
        throw unpackError(value);
      }
      if (Atomics.wait(control, ANSWERED, 0, ANSWERED_WITHIN) === 'timed-out')
        throw new Error(`the server did not answer within ${ANSWERED_WITHIN / 1000} s`);
      control[ANSWERED] = 0;
    }
  }

  get #number(): number {
    return this.#call.getStore() ?? 0;
  }

  /** Null: not yet. Answers to questions that were given up are passed over. */
  #answer(): NowAnswer | null {
    for (;;) {
      const received = receiveMessageOnPort(this.#options.answers) as { readonly message: NowAnswer } | undefined;
      if (received === undefined) return null;
      if (received.message[0] === this.#asked) return received.message;
    }
  }
}
