/**
 * Counts failed logins by a key (an address, an account, or both) and derives a delay from the count.
 *
 * Guarantees: failures expire, so every delay ends by itself; the count has a ceiling, so it ends soon; memory is
 * bounded, and the least recently used keys are evicted first.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';

export interface LedgerRule {
  /** Failures that cause no delay. */
  readonly free: number;
  /** The first delay is 1 s; it doubles after this many further failures. */
  readonly doubledBy: number;
  /** The longest delay, ms. */
  readonly longest: number;
  /** One failure is forgotten per this many ms. */
  readonly forgivenAfter: number;
  /** Maximum number of keys. */
  readonly keys: number;
}

const FIRST_DELAY = 1_000;

interface Entry {
  count: number;
  /** The time up to which expiry has been applied. */
  since: number;
  /** Its delay has been reported. */
  delaying: boolean;
}

export class LoginLedger {
  readonly #rule: LedgerRule;
  readonly #clock: Clock;
  readonly #onChange: (key: string, delaying: boolean) => void;
  readonly #entries: LRUCache<string, Entry>;
  readonly #ceiling: number;

  /**
   * `onChange` is called when the attempts of a key start to be delayed, and when they no longer are (at the next
   * access).
   */
  constructor(rule: LedgerRule, clock: Clock, onChange: (key: string, delaying: boolean) => void) {
    this.#rule = rule;
    this.#clock = clock;
    this.#onChange = onChange;
    // With `maxSize` and a size per entry the cache grows as needed; `max` would allocate everything up front.
    this.#entries = new LRUCache({ maxSize: rule.keys, sizeCalculation: () => 1 });
    this.#ceiling = rule.free + rule.doubledBy * Math.ceil(Math.log2(rule.longest / FIRST_DELAY));
  }

  /** Failures that have not expired. */
  count(key: string): number {
    return this.#look(key)?.count ?? 0;
  }

  /** How long an attempt has to wait now, ms. */
  delay(key: string): number {
    return this.#delayOf(this.count(key));
  }

  add(key: string): void {
    let entry = this.#look(key);
    if (entry === undefined) {
      entry = { count: 0, since: this.#clock(), delaying: false };
      this.#entries.set(key, entry);
    }
    entry.count = Math.min(entry.count + 1, this.#ceiling);
    if (entry.delaying || this.#delayOf(entry.count) === 0) return;
    entry.delaying = true;
    this.#onChange(key, true);
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry?.delaying === true) this.#onChange(key, false);
  }

  #look(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const forgiven = Math.max(0, Math.floor((this.#clock() - entry.since) / this.#rule.forgivenAfter));
    entry.count = Math.max(0, entry.count - forgiven);
    entry.since += forgiven * this.#rule.forgivenAfter;
    if (entry.delaying && this.#delayOf(entry.count) === 0) {
      entry.delaying = false;
      this.#onChange(key, false);
    }
    if (entry.count > 0) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  #delayOf(count: number): number {
    const { free, doubledBy, longest } = this.#rule;
    return count < free ? 0 : Math.min(longest, FIRST_DELAY * 2 ** Math.floor((count - free) / doubledBy));
  }
}
