/**
 * Queries DNS lists, shares each query among all callers, and caches the answers for a while.
 *
 * A list that fails or does not answer in time is ignored: mail is accepted without it (as in Postfix). So is one that
 * answers 127.255.255.x, with which lists say that they do not answer this server: taken for a listing, it would refuse all
 * mail.
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
/** A list's refusals are told once in this time. */
const TOLD_EVERY = 60 * 60_000;
const MOST_TOLD = 1_000;

const SILENT: Listing = { addresses: [], reason: '', answered: false };
const ABSENT: Listing = { addresses: [], reason: '', answered: true };

export class DnsLists {
  readonly #resolver: Resolver;
  readonly #deadline: number;
  readonly #known: LRUCache<string, Listing>;
  readonly #asking = new Map<string, Promise<Listing>>();
  readonly #told: LRUCache<string, true>;
  readonly #warn: (message: string) => void;

  /** `deadline`: how long one query may take, in ms. `warn` is told of lists that refuse to answer. */
  constructor(options: {
    readonly resolver: Resolver;
    readonly clock: Clock;
    readonly deadline: number;
    readonly warn: (message: string) => void;
  }) {
    this.#warn = options.warn;
    this.#told = new LRUCache({ max: MOST_TOLD, ttl: TOLD_EVERY, ttlResolution: 0, perf: { now: options.clock } });
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

  /** `name` is one in `zone`. Never rejects. */
  ask(name: string, zone: string): Promise<Listing> {
    const known = this.#known.get(name);
    if (known !== undefined) return Promise.resolve(known);
    const asking = this.#asking.get(name);
    if (asking !== undefined) return asking;
    const asked = this.#within(this.#lookUp(name, zone)).then((listing) => {
      this.#asking.delete(name);
      this.#known.set(name, listing, {
        ttl: !listing.answered ? UNANSWERED_FOR : listing.addresses.length > 0 ? LISTED_FOR : ABSENT_FOR,
      });
      return listing;
    });
    this.#asking.set(name, asked);
    return asked;
  }

  async #lookUp(name: string, zone: string): Promise<Listing> {
    try {
      const addresses = await this.#resolver.a(name);
      if (addresses.length === 0) return ABSENT;
      const refusal = addresses.find(isRefusal);
      if (refusal !== undefined) {
        const texts = await this.#resolver.txt(name).catch(() => []);
        this.tellRefusal(zone, refusal, texts[0] ?? '');
        return SILENT;
      }
      const texts = await this.#resolver.txt(name).catch(() => []);
      return { addresses, reason: (texts[0] ?? '').slice(0, LONGEST_REASON), answered: true };
    } catch (error) {
      return error instanceof ResolveError && error.reason !== 'tempfail' ? ABSENT : SILENT;
    }
  }

  /** Once in an hour for each list. */
  tellRefusal(zone: string, address: string, text: string): void {
    if (this.#told.has(zone)) return;
    this.#told.set(zone, true);
    const said = text === '' ? '' : ` (${text.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_REASON)})`;
    this.#warn(
      `the list ${zone} answers ${address}${said}: it does not serve this server (a public resolver, too many questions, or a wrong name); nothing counts as listed there`,
    );
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

/** Answers that are no listing: Spamhaus and others; 127.0.1.255 of its DBL says that addresses are not asked about. */
const REFUSAL = /^127\.(?:255\.255\.\d{1,3}|0\.1\.255)$/;
const isRefusal = (address: string): boolean => REFUSAL.test(address);
