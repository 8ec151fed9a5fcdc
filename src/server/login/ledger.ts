/**
 * Counts failed logins by a key (an address, an account, or both) and derives a delay from the count.
 *
 * Guarantees: failures expire, so every delay ends by itself; the count has a ceiling, so it ends soon; what other
 * processes have counted is added, as last heard; memory is bounded, and the least recently used keys are evicted
 * first.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import { Elsewhere, type Sharing } from '../elsewhere.ts';

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
  /** Failures of each process that the others do not count. */
  readonly untold: number;
}

const FIRST_DELAY = 1_000;

interface Entry {
  /** The key in words, for the log. */
  readonly text: string;
  /** In this process. */
  count: number;
  /** The time up to which expiry has been applied. */
  since: number;
  /** Its delay has been reported. */
  delaying: boolean;
}

export class LoginLedger {
  readonly #rule: LedgerRule;
  readonly #clock: Clock;
  readonly #onChange: (text: string, delaying: boolean) => void;
  readonly #entries: LRUCache<string, Entry>;
  readonly #elsewhere: Elsewhere;
  /** Of the counts of other processes: those that they will have forgotten when they hear why. */
  readonly #forgotten = new Map<string, number>();
  readonly #ceiling: number;

  /**
   * `onChange` is called when the attempts of a key start to be delayed, and when they no longer are (at the next
   * access); about keys that failed in this process.
   */
  constructor(rule: LedgerRule, clock: Clock, onChange: (text: string, delaying: boolean) => void, sharing: Sharing) {
    this.#rule = rule;
    this.#clock = clock;
    this.#onChange = onChange;
    // With `maxSize` and a size per entry the cache grows as needed; `max` would allocate everything up front.
    this.#entries = new LRUCache({ maxSize: rule.keys, sizeCalculation: () => 1 });
    this.#ceiling = rule.free + rule.doubledBy * Math.ceil(Math.log2(rule.longest / FIRST_DELAY));
    this.#elsewhere = new Elsewhere(
      sharing,
      () => this.#told(),
      (sums) => this.#forgetNoMore(sums),
    );
  }

  /** Failures that have not expired, in all processes. */
  count(key: string): number {
    return this.#sum(key, this.#look(key)?.count ?? 0);
  }

  /** How long an attempt has to wait now, ms. */
  delay(key: string): number {
    return this.#delayOf(this.count(key));
  }

  add(key: string, text: string): void {
    let entry = this.#look(key);
    if (entry === undefined) {
      entry = { text, count: 0, since: this.#clock(), delaying: false };
      this.#entries.set(key, entry);
    }
    entry.count = Math.min(entry.count + 1, this.#ceiling);
    if (entry.delaying || this.#delayOf(this.#sum(key, entry.count)) === 0) return;
    entry.delaying = true;
    this.#onChange(text, true);
  }

  forget(key: string): void {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    const elsewhere = this.#elsewhere.count(key);
    if (elsewhere > 0) this.#forgotten.set(key, elsewhere);
    if (entry?.delaying === true) this.#onChange(entry.text, false);
  }

  #look(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const forgiven = this.#forgiven(entry);
    entry.count = Math.max(0, entry.count - forgiven);
    entry.since += forgiven * this.#rule.forgivenAfter;
    if (entry.delaying && (entry.count === 0 || this.#delayOf(this.#sum(key, entry.count)) === 0)) {
      entry.delaying = false;
      this.#onChange(entry.text, false);
    }
    if (entry.count > 0) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** How many failures have expired since it was looked at last. */
  #forgiven({ since }: Entry): number {
    return Math.max(0, Math.floor((this.#clock() - since) / this.#rule.forgivenAfter));
  }

  #sum(key: string, own: number): number {
    const elsewhere = this.#elsewhere.count(key) - (this.#forgotten.get(key) ?? 0);
    return Math.min(this.#ceiling, own + Math.max(0, elsewhere));
  }

  /** What the other processes count. */
  #told(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const [key, entry] of this.#entries.entries()) {
      const count = entry.count - this.#forgiven(entry) - this.#rule.untold;
      if (count > 0) counts.set(key, count);
    }
    return counts;
  }

  /** The others have forgotten some by themselves: what they count from now on is new. */
  #forgetNoMore(elsewhere: ReadonlyMap<string, number>): void {
    for (const [key, forgotten] of this.#forgotten) {
      const left = Math.min(forgotten, elsewhere.get(key) ?? 0);
      if (left > 0) this.#forgotten.set(key, left);
      else this.#forgotten.delete(key);
    }
  }

  #delayOf(count: number): number {
    const { free, doubledBy, longest } = this.#rule;
    return count < free ? 0 : Math.min(longest, FIRST_DELAY * 2 ** Math.floor((count - free) / doubledBy));
  }
}
