/** What is remembered of triplets and clients, in the store: the same for all processes, and gone at its time. */
import { LRUCache } from 'lru-cache';
import type { Server } from '../../src/bus/plugin.ts';

export interface Rules {
  /** Seconds, all of them. */
  readonly delay: number;
  readonly retryWindow: number;
  readonly life: number;
  /** First repetitions after which a client's network is not asked to wait any more; 0: always. */
  readonly clientAfter: number;
}

/** `since`: ms since 1970 of the first attempt; `passed` and `seen` likewise. */
type Triplet = { readonly since: number; readonly passed?: number; readonly seen?: number };
type Client = { readonly passed: number; readonly seen: number };

export type Judgement =
  | { readonly result: 'whitelisted' | 'known' }
  | { readonly result: 'passed'; readonly seconds: number }
  | { readonly result: 'deferred'; readonly isNew: boolean };

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Of new triplets in an hour, for each network: more are deferred, but not remembered, or they fill the store. */
const MOST_NEW = 1_000;
const MOST_NETWORKS = 10_000;

export class Memory {
  readonly #state: Server['state'];
  readonly #clock: () => number;
  readonly #rules: Rules;
  readonly #added = new LRUCache<string, { readonly hour: number; count: number }>({ max: MOST_NETWORKS });

  constructor({ state, clock }: Pick<Server, 'state' | 'clock'>, rules: Rules) {
    this.#state = state;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** Of an attempt now. `key` of the triplet, `network` of its client. */
  async judge(key: string, network: string): Promise<Judgement> {
    const now = this.#clock();
    if (await this.#isKnownClient(network, now)) return { result: 'whitelisted' };
    const triplet = await this.#state.get<Triplet>(key);
    if (triplet === undefined) return this.#begin(key, network, now);
    if (triplet.passed !== undefined) {
      if (now - (triplet.seen ?? 0) > DAY_MS) await this.#renew(key, now);
      return { result: 'known' };
    }
    if (now - triplet.since < this.#rules.delay * 1000) return { result: 'deferred', isNew: false };
    if (await this.#pass(key, now)) await this.#countClient(network, now);
    return { result: 'passed', seconds: Math.round((now - triplet.since) / 1000) };
  }

  async #begin(key: string, network: string, now: number): Promise<Judgement> {
    if (this.#mayAdd(network, now)) {
      const first = (triplet: Triplet | undefined): Triplet => triplet ?? { since: now };
      await this.#state.update<Triplet>(key, first, { expires: this.#rules.retryWindow });
    }
    return { result: 'deferred', isNew: true };
  }

  /** True for one of several processes to which it is repeated at the same time. */
  async #pass(key: string, now: number): Promise<boolean> {
    let isFirst = false;
    const pass = (triplet: Triplet | undefined): Triplet => {
      isFirst = triplet?.passed === undefined;
      return { since: triplet?.since ?? now, passed: triplet?.passed ?? now, seen: now };
    };
    await this.#state.update<Triplet>(key, pass, { expires: this.#rules.life });
    return isFirst;
  }

  async #renew(key: string, now: number): Promise<void> {
    const renew = (triplet: Triplet | undefined): Triplet => ({ since: now, passed: now, ...triplet, seen: now });
    await this.#state.update<Triplet>(key, renew, { expires: this.#rules.life });
  }

  async #isKnownClient(network: string, now: number): Promise<boolean> {
    const { clientAfter, life } = this.#rules;
    if (clientAfter === 0) return false;
    const client = await this.#state.get<Client>(clientKey(network));
    if (client === undefined || client.passed < clientAfter) return false;
    if (now - client.seen > DAY_MS) {
      const renew = (known: Client | undefined): Client => ({ passed: known?.passed ?? clientAfter, seen: now });
      await this.#state.update<Client>(clientKey(network), renew, { expires: life });
    }
    return true;
  }

  async #countClient(network: string, now: number): Promise<void> {
    if (this.#rules.clientAfter === 0) return;
    const count = (known: Client | undefined): Client => ({ passed: (known?.passed ?? 0) + 1, seen: now });
    await this.#state.update<Client>(clientKey(network), count, { expires: this.#rules.life });
  }

  #mayAdd(network: string, now: number): boolean {
    const hour = Math.trunc(now / HOUR_MS);
    const known = this.#added.get(network);
    const added = known?.hour === hour ? known : { hour, count: 0 };
    added.count += 1;
    this.#added.set(network, added);
    return added.count <= MOST_NEW;
  }
}

const clientKey = (network: string): string => `client:${network}`;
