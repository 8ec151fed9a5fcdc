/** Functions that want to hear of something, by its key. */
export class Listeners<K, T> {
  readonly #byKey = new Map<K, Set<(value: T) => void>>();

  /** Returns what takes it away again. */
  add(key: K, listener: (value: T) => void): () => void {
    // Of its own, so that one function may listen twice.
    const own = (value: T): void => listener(value);
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  /** Undefined where there are none. */
  of(key: K): ReadonlySet<(value: T) => void> | undefined {
    return this.#byKey.get(key);
  }
}
