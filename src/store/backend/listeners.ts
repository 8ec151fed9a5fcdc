/** Listeners by key. */
export class Listeners<K, T> {
  readonly #byKey = new Map<K, Set<(value: T) => void>>();

  /** Returns a function that removes it. */
  add(key: K, listener: (value: T) => void): () => void {
    // A wrapper of its own, so that the same function may be added twice.
    const own = (value: T): void => listener(value);
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  keys(): IterableIterator<K> {
    return this.#byKey.keys();
  }

  /** Undefined if there are none. */
  of(key: K): ReadonlySet<(value: T) => void> | undefined {
    return this.#byKey.get(key);
  }
}
