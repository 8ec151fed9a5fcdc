/**
 * Logins that succeeded lately: each process tells the others, so that one that has counted failures of the same client
 * and name forgets them, as it would after a success of its own.
 *
 * Bounded: the last LATELY ms, and at most KEYS. The others look about once a second.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import { Elsewhere, type Sharing } from '../elsewhere.ts';

const LATELY = 10_000;
const KEYS = 2_000;

interface Entry {
  count: number;
  at: number;
}

export class LoginSuccesses {
  readonly #clock: Clock;
  readonly #isShared: boolean;
  readonly #own = new LRUCache<string, Entry>({ maxSize: KEYS, sizeCalculation: () => 1 });

  /** `onElsewhere`: a login with this key succeeded in another process. */
  constructor(sharing: Sharing, clock: Clock, onElsewhere: (key: string) => void) {
    this.#clock = clock;
    this.#isShared = sharing.cluster !== null;
    let heard: ReadonlyMap<string, number> = new Map();
    new Elsewhere(
      sharing,
      () => this.#told(),
      (sums) => {
        const before = heard;
        heard = sums;
        for (const [key, count] of heard) if (count > (before.get(key) ?? 0)) onElsewhere(key);
      },
    );
  }

  add(key: string): void {
    if (!this.#isShared) return;
    const count = (this.#own.get(key)?.count ?? 0) + 1;
    this.#own.set(key, { count, at: this.#clock() });
  }

  #told(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [key, { count, at }] of [...this.#own.entries()]) {
      if (this.#clock() - at < LATELY) counts.set(key, count);
      else this.#own.delete(key);
    }
    return counts;
  }
}
