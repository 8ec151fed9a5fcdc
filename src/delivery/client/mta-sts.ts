/**
 * The MTA-STS policies of other domains (RFC 8461): found by DNS, fetched over HTTPS, and kept in the store until they
 * expire, so that nobody who holds up DNS or HTTPS can make mail leave less safely than the domain wants.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Answered, Exchange } from '../../net/http-client.ts';
import { ResolveError, type Resolver } from '../../protocol/dns/resolver.ts';
import { parseStsPolicy, type StsPolicy, stsId } from '../../protocol/mta-sts.ts';
import type { PluginStates } from '../../store/plugin-states.ts';

export interface StsOptions {
  readonly resolver: Pick<Resolver, 'txt'>;
  readonly send: (
    exchange: Exchange,
    limits: { readonly signal: AbortSignal; readonly most: number },
  ) => Promise<Answered>;
  readonly states: Pick<PluginStates, 'get' | 'put'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A room that is no plugin's. */
const ROOM = 'mta-sts:policies';
/** RFC 8461 section 3.3. */
const LONGEST_POLICY = 65_536;
/** For the whole of an answer, ms. */
const FETCHED_WITHIN = 30_000;
/** How long what was found, or not, is not asked about again, ms. */
const ASKED_AGAIN = 5 * 60_000;
const MOST_KNOWN = 5_000;

interface Kept {
  readonly id: string;
  readonly policy: StsPolicy;
  /** ms since 1970. */
  readonly until: number;
}

export class StsPolicies {
  readonly #options: StsOptions;
  readonly #known = new LRUCache<string, { readonly kept: Kept | null; readonly at: number }>({ max: MOST_KNOWN });
  readonly #asking = new Map<string, Promise<Kept | null>>();

  constructor(options: StsOptions) {
    this.#options = options;
  }

  /** Null: it has none. Never rejects. */
  async policyOf(domain: string): Promise<StsPolicy | null> {
    const { clock } = this.#options;
    const known = this.#known.get(domain);
    const kept = known !== undefined && clock() - known.at < ASKED_AGAIN ? known.kept : await this.#find(domain);
    return kept === null || kept.until <= clock() ? null : kept.policy;
  }

  /** Once for all who ask meanwhile. */
  #find(domain: string): Promise<Kept | null> {
    const asking =
      this.#asking.get(domain) ??
      this.#look(domain)
        .catch((error: unknown) => {
          this.#options.log.warn({ domain }, `MTA-STS policy of ${domain}: ${messageOf(error)}`);
          return null;
        })
        .then((kept) => {
          this.#known.set(domain, { kept, at: this.#options.clock() });
          return kept;
        })
        .finally(() => this.#asking.delete(domain));
    this.#asking.set(domain, asking);
    return asking;
  }

  /** What is kept counts until it expires, whatever DNS and HTTPS say (section 5.1). */
  async #look(domain: string): Promise<Kept | null> {
    const { resolver, states, clock, log } = this.#options;
    const [stored, texts] = await Promise.all([
      states.get({ plugin: ROOM, key: domain }, clock()),
      resolver.txt(`_mta-sts.${domain}`).catch((error: unknown) => {
        if (error instanceof ResolveError) return [];
        throw error;
      }),
    ]);
    const kept = stored === null ? null : (JSON.parse(stored) as Kept);
    const id = stsId(texts);
    if (id === null || id === kept?.id) return kept;
    try {
      const policy = await this.#fetch(domain);
      const fresh: Kept = { id, policy, until: clock() + policy.maxAge * 1000 };
      const change = { value: JSON.stringify(fresh), expiresAt: fresh.until };
      await states.put({ plugin: ROOM, key: domain }, change, clock());
      return fresh;
    } catch (error) {
      const otherwise = kept === null ? 'the domain has none' : 'the one before counts';
      log.warn({ domain }, `MTA-STS policy of ${domain} cannot be used: ${messageOf(error)}; ${otherwise}`);
      return kept;
    }
  }

  async #fetch(domain: string): Promise<StsPolicy> {
    const url = `https://mta-sts.${domain}/.well-known/mta-sts.txt`;
    const limits = { signal: AbortSignal.timeout(FETCHED_WITHIN), most: LONGEST_POLICY };
    const { status, headers, body } = await this.#options.send({ url, method: 'GET', headers: {}, body: null }, limits);
    // Redirects are not followed (section 3.3).
    if (status !== 200) throw new Error(`${url} answers with ${status}`);
    if (!/^text\/plain[ \t]*(?:;|$)/i.test(headers['content-type'] ?? '')) throw new Error(`${url} is not text/plain`);
    return parseStsPolicy(body.toString('utf8'));
  }
}
