/**
 * The operations of a part of the store, with the driver's errors as callers expect them, and counted: a close waits for
 * those that were begun, and later ones are refused.
 */
import { toStoreError } from './failure.ts';
import type { Outage } from './outage.ts';

type Operations = Record<string, unknown>;

export class Guard {
  readonly #running = new Set<Promise<unknown>>();
  readonly #outage: Outage;
  #closed = false;

  constructor(outage: Outage) {
    this.#outage = outage;
  }

  /** The same operations, guarded. Those that return neither a promise nor a listing are left as they are. */
  over<T extends object>(operations: T): T {
    const guarded: Operations = {};
    for (const [name, act] of Object.entries(operations))
      guarded[name] = typeof act === 'function' ? this.#wrap(act as (...args: never[]) => unknown) : act;
    return guarded as T;
  }

  /** No operation begins after this; resolves when all have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  #wrap(act: (...args: never[]) => unknown): (...args: never[]) => unknown {
    return (...args) => {
      if (this.#closed) return refused(new Error('the store is closed'));
      const result = act(...args);
      if (result instanceof Promise) return this.#counted(result);
      return isListing(result) ? this.#each(result) : result;
    };
  }

  #counted<T>(result: Promise<T>): Promise<T> {
    const counted = result
      .catch((error: unknown) => {
        throw this.#told(error);
      })
      .finally(() => this.#running.delete(counted));
    this.#running.add(counted);
    return counted;
  }

  async *#each(listing: AsyncIterable<unknown>): AsyncIterable<unknown> {
    try {
      yield* listing;
    } catch (error) {
      throw this.#told(error);
    }
  }

  #told(error: unknown): unknown {
    this.#outage.failed(error);
    return toStoreError(error);
  }
}

/** As a promise and as a listing: which of them the operation returns is known only by calling it. */
function refused(error: Error): Promise<never> & AsyncIterable<never> {
  const rejected = Promise.reject(error);
  // A caller that lists does not look at the promise.
  rejected.catch(() => {});
  return Object.assign(rejected, { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) });
}

const isListing = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
