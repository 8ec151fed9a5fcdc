/**
 * Queries DNS lists, shares each query among all callers, and caches the answers for a while.
 *
 * A list that fails or does not answer in time is ignored: mail is accepted without it (as in Postfix).
 */
import { LRUCache } from 'lru-cache';
import { type Clock, ResolveError, type Resolver } from '../../src/bus/plugin.ts';

export interface Listing {
  /** A records; empty if not listed. */
  readonly addresses: readonly string[];
  /** The list's explanation, from its first TXT record, or ''. */
  readonly reason: string;
  /** False if the list gave no answer. */
  readonly answered: boolean;
}

const REMEMBERED = 10_000;
const LISTED_FOR = 5 * 60_000;
const ABSENT_FOR = 60_000;
const UNANSWERED_FOR = 10_000;
const LONGEST_REASON = 300;

const SILENT: Listing = { addresses: [], reason: '', answered: false };
const ABSENT: Listing = { addresses: [], reason: '', answered: true };

export class DnsLists {
  readonly #resolver: Resolver;
  readonly #deadline: number;
  readonly #known: LRUCache<string, Listing>;
  readonly #asking = new Map<string, Promise<Listing>>();

  /** `deadline`: how long one query may take, in ms. */
  constructor(options: { readonly resolver: Resolver; readonly clock: Clock; readonly deadline: number }) {
    this.#resolver = options.resolver;
    this.#deadline = options.deadline;
    this.#known = new LRUCache({
      maxSize: REMEMBERED,
      sizeCalculation: () => 1,
      ttl: LISTED_FOR,
      ttlResolution: 0,
      perf: { now: options.clock },
    });
  }

  /** Never rejects. */
  ask(name: string): Promise<Listing> {
    const known = this.#known.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const asking = this.#asking.get(name);
    if (asking !== undefined) return asking;
    const asked = this.#within(this.#lookUp(name)).then((listing) => {
      this.#asking.delete(name);
      this.#known.set(name, listing, {
        ttl: !listing.answered ? UNANSWERED_FOR : listing.addresses.length > 0 ? LISTED_FOR : ABSENT_FOR,
      });
      return listing;
    });
    this.#asking.set(name, asked);
    return asked;
  }

  async #lookUp(name: string): Promise<Listing> {
    try {
      const addresses = await this.#resolver.a(name);
      if (addresses.length === 0) return ABSENT;
      const texts = await this.#resolver.txt(name).catch(() => []);
      return { addresses, reason: (texts[0] ?? '').slice(0, LONGEST_REASON), answered: true };
    } catch (error) {
      return error instanceof ResolveError && error.reason !== 'tempfail' ? ABSENT : SILENT;
    }
  }

  #within(asked: Promise<Listing>): Promise<Listing> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(SILENT), this.#deadline);
      void asked.then((listing) => {
        clearTimeout(timer);
        resolve(listing);
      });
    });
  }
}
