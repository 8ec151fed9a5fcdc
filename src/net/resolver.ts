/**
 * The resolver for mail delivery and its checks: asks our own zones first if given, then the configured
 * servers, or the system's; localhost is resolved without them. Uses one instance of c-ares with a limited number
 * of concurrent queries; identical concurrent queries are sent once. Nothing is cached: c-ares returns no TTL for
 * most types, and a name server with a cache is usually near.
 */

import { Resolver as SystemResolver } from 'node:dns/promises';
import type { Answer } from '../protocol/dns/answer.ts';
import { CLASS, RCODE } from '../protocol/dns/message.ts';
import { type DomainName, NameError, nameKey, parseName, reverseName, withoutFinalDot } from '../protocol/dns/name.ts';
import { ResolveError, type Resolver } from '../protocol/dns/resolver.ts';
import { printRdata, textsOf } from '../protocol/dns/rr/rdata.ts';
import { TYPE } from '../protocol/dns/rr/table.ts';
import { WireReader } from '../protocol/dns/wire.ts';
import { Gate } from './gate.ts';
import { endpointOf, ValidatedAnswers } from './secure-resolver.ts';

export interface ResolverOptions {
  /** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`; empty: the system's servers. */
  readonly servers: readonly string[];
  /** Per try, ms (5000). */
  readonly timeoutMs?: number;
  /** Tries per server (3). */
  readonly tries?: number;
  /** Concurrent queries (100); further ones wait. */
  readonly concurrency?: number;
  /** What the servers say of DNSSEC is believed (false). */
  readonly trustsAd?: boolean;
  /** Answers from our own zones; null if the name is in none of them or is delegated. */
  readonly local?: (question: {
    readonly name: string;
    readonly type: number;
    readonly class: number;
  }) => Answer | null;
}

export class StubResolver implements Resolver {
  readonly #system: SystemResolver;
  readonly #gate: Gate;
  readonly #local: NonNullable<ResolverOptions['local']>;
  readonly #pending = new Map<string, Promise<unknown>>();
  /** The same servers, asked with DNSSEC. */
  readonly secure: ValidatedAnswers;
  #closed = false;

  /** Throws if a server is not an address. */
  constructor({ servers, timeoutMs = 5000, tries = 3, concurrency = 100, local, trustsAd = false }: ResolverOptions) {
    this.#system = new SystemResolver({ timeout: timeoutMs, tries });
    if (servers.length > 0) this.#system.setServers(servers);
    this.#gate = new Gate(concurrency);
    this.secure = new ValidatedAnswers({ servers: this.#system.getServers().map(endpointOf), isTrusted: trustsAd });
    this.#local = local ?? (() => null);
  }

  mx(domain: string): ReturnType<Resolver['mx']> {
    return this.#ask(MX, domain);
  }

  a(name: string): Promise<readonly string[]> {
    return this.#ask(A, name);
  }

  aaaa(name: string): Promise<readonly string[]> {
    return this.#ask(AAAA, name);
  }

  ptr(ip: string): Promise<readonly string[]> {
    const name = reverseName(ip);
    return name === null
      ? Promise.reject(new ResolveError('notfound', `${ip.slice(0, 80)} is not an IP address`))
      : this.#ask(PTR, name);
  }

  txt(name: string): Promise<readonly string[]> {
    return this.#ask(TXT, name);
  }

  ns(domain: string): Promise<readonly string[]> {
    return this.#ask(NS, domain);
  }

  cname(name: string): Promise<readonly string[]> {
    return this.#ask(CNAME, name);
  }

  /** Pending queries fail with `tempfail`. */
  close(): void {
    this.#closed = true;
    this.#system.cancel();
    this.secure.close();
  }

  /** Asks our zones, then the servers; identical concurrent queries share one answer. */
  #ask<T>(kind: Kind<T>, domain: string): Promise<readonly T[]> {
    let name: DomainName;
    try {
      name = nameKey(parseName(domain));
    } catch (error) {
      // An invalid name (a long label in an address) cannot exist; c-ares would report an error for it.
      if (error instanceof NameError)
        return Promise.reject(new ResolveError('notfound', `${domain.slice(0, 80)}: ${error.message}`));
      return Promise.reject(error);
    }
    const key = `${kind.type} ${name}`;
    const known = this.#pending.get(key);
    if (known !== undefined) return known as Promise<readonly T[]>;
    const asked = this.#resolve(kind, name).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asked);
    return asked;
  }

  async #resolve<T>(kind: Kind<T>, name: DomainName, chain = 0): Promise<readonly T[]> {
    const own = this.#local({ name, type: kind.type, class: CLASS.IN });
    if (own !== null) {
      const next = leavesBy(own, kind.type);
      if (next === null) return fromAnswer(kind, name, own);
      if (chain >= MAX_CHAIN)
        throw new ResolveError('tempfail', `${name}: more than ${MAX_CHAIN} CNAME records in a chain`);
      return this.#resolve(kind, next, chain + 1);
    }
    const loopback = kind.loopback?.get(name);
    if (loopback !== undefined) return loopback;
    if (this.#closed) throw new ResolveError('tempfail', `${name}: the resolver is closed`);
    return this.#gate.run(async () => {
      try {
        return await kind.ask(this.#system, withoutFinalDot(name));
      } catch (error) {
        throw toResolveError(error, kind, name);
      }
    });
  }
}

/** A query type: how to ask c-ares, and how to read our own record data. */
interface Kind<T> {
  readonly word: string;
  readonly type: number;
  ask(system: SystemResolver, name: string): Promise<readonly T[]>;
  read(rdata: Uint8Array): T;
  /**
   * Answers for localhost (RFC 6761 section 6.3), used if our own zones have none; servers are never asked.
   */
  readonly loopback?: ReadonlyMap<DomainName, readonly T[]>;
}

const LOCALHOST = nameKey(parseName('localhost'));
const LOOPBACK_NAMES = ['127.0.0.1', '::1'].flatMap((ip) => reverseName(ip) ?? []);

/** Names in the form that the interface promises: lower case, no final dot; '' for the root (a null MX). */
const plainName = (name: string): string => (name === '.' || name === '' ? '' : withoutFinalDot(nameKey(name)));
const readName = (rdata: Uint8Array): string => plainName(new WireReader(rdata).name());

const A: Kind<string> = {
  word: 'A',
  type: TYPE.A,
  ask: (system, name) => system.resolve4(name),
  read: (rdata) => printRdata(TYPE.A, rdata),
  loopback: new Map([[LOCALHOST, ['127.0.0.1']]]),
};
const AAAA: Kind<string> = {
  word: 'AAAA',
  type: TYPE.AAAA,
  ask: (system, name) => system.resolve6(name),
  read: (rdata) => printRdata(TYPE.AAAA, rdata),
  loopback: new Map([[LOCALHOST, ['::1']]]),
};
const PTR: Kind<string> = {
  word: 'PTR',
  type: TYPE.PTR,
  ask: async (system, name) => (await system.resolvePtr(name)).map(plainName),
  read: readName,
  loopback: new Map(LOOPBACK_NAMES.map((name) => [nameKey(parseName(name)), ['localhost']])),
};
const NS: Kind<string> = {
  word: 'NS',
  type: TYPE.NS,
  ask: async (system, name) => (await system.resolveNs(name)).map(plainName),
  read: readName,
};
const CNAME: Kind<string> = {
  word: 'CNAME',
  type: TYPE.CNAME,
  ask: async (system, name) => (await system.resolveCname(name)).map(plainName),
  read: readName,
};
const TXT: Kind<string> = {
  word: 'TXT',
  type: TYPE.TXT,
  ask: async (system, name) => (await system.resolveTxt(name)).map((parts) => parts.join('')),
  read: (rdata) => Buffer.concat(textsOf(rdata)).toString('utf8'),
};
const MX: Kind<{ readonly exchange: string; readonly preference: number }> = {
  word: 'MX',
  type: TYPE.MX,
  ask: async (system, name) =>
    (await system.resolveMx(name)).map(({ exchange, priority }) => ({
      exchange: plainName(exchange),
      preference: priority,
    })),
  read: (rdata) => {
    const data = new WireReader(rdata);
    return { preference: data.u16(), exchange: plainName(data.name()) };
  },
};

function fromAnswer<T>(kind: Kind<T>, name: DomainName, answer: Answer): readonly T[] {
  if (answer.rcode === RCODE.NXDOMAIN)
    throw new ResolveError('notfound', `${withoutFinalDot(name)}: no such name (${kind.word}, our own zone)`);
  if (answer.rcode !== RCODE.NOERROR)
    throw new ResolveError('tempfail', `${withoutFinalDot(name)}: our own zone cannot answer now`);
  const found = answer.answers.filter((set) => set.type === kind.type).flatMap((set) => set.rdatas);
  if (found.length === 0)
    throw new ResolveError('nodata', `${withoutFinalDot(name)}: no ${kind.word} record (our own zone)`);
  return found.map((rdata) => kind.read(rdata));
}

/** How many times a CNAME may lead out of our zones and back. */
const MAX_CHAIN = 8;

/** The name outside our zones to which a CNAME chain leads, to be resolved by the servers. */
function leavesBy(answer: Answer, type: number): DomainName | null {
  const last = answer.answers.at(-1);
  const rdata = last?.rdatas[0];
  if (rdata === undefined || last?.type !== TYPE.CNAME || type === TYPE.CNAME || answer.rcode !== RCODE.NOERROR)
    return null;
  return answer.authorities.some((set) => set.type === TYPE.SOA) ? null : nameKey(new WireReader(rdata).name());
}

/**
 * c-ares codes that are definite answers; all others (ETIMEOUT, ESERVFAIL, EREFUSED, ECONNREFUSED, ECANCELLED …) are
 * temporary.
 */
const REASONS: Readonly<Record<string, ResolveError['reason']>> = {
  ENOTFOUND: 'notfound',
  ENODATA: 'nodata',
  EBADNAME: 'notfound',
};

function toResolveError<T>(error: unknown, kind: Kind<T>, name: DomainName): ResolveError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'error';
  const reason = REASONS[code] ?? 'tempfail';
  return new ResolveError(reason, `${withoutFinalDot(name)}: ${kind.word} lookup: ${code}`, { cause: error });
}
