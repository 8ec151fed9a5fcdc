/**
 * The resolver that mail delivery and its checks use (requirement B6): our own zones first where
 * given, then the servers named, else the system's; localhost is known without them. Over c-ares,
 * one instance, with a bounded number of questions on their way; questions alike at one time are
 * asked once. Nothing is remembered afterwards: c-ares tells no TTL for most types, and a name
 * server's cache is near.
 */
import { Resolver as SystemResolver } from 'node:dns/promises';
import type { Answer } from '../protocol/dns/answer.ts';
import { CLASS, RCODE } from '../protocol/dns/message.ts';
import { type DomainName, NameError, nameKey, parseName, reverseName, withoutFinalDot } from '../protocol/dns/name.ts';
import { ResolveError, type Resolver } from '../protocol/dns/resolver.ts';
import { printRdata, textsOf } from '../protocol/dns/rr/rdata.ts';
import { TYPE } from '../protocol/dns/rr/table.ts';
import { WireReader } from '../protocol/dns/wire.ts';

export interface ResolverOptions {
  /** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:53`; empty means those of the system. */
  readonly servers: readonly string[];
  /** For one try, ms (5000). */
  readonly timeoutMs?: number;
  /** Tries of each server (3). */
  readonly tries?: number;
  /** Questions on their way at one time (100); more wait their turn. */
  readonly concurrency?: number;
  /** Answers from our own zones; null where the name is in none of them or is delegated away. */
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
  #closed = false;

  /** Throws where a server is no address. */
  constructor({ servers, timeoutMs = 5000, tries = 3, concurrency = 100, local }: ResolverOptions) {
    this.#system = new SystemResolver({ timeout: timeoutMs, tries });
    if (servers.length > 0) this.#system.setServers(servers);
    this.#gate = new Gate(concurrency);
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
      ? Promise.reject(new ResolveError('notfound', `${ip.slice(0, 80)} is no IP address`))
      : this.#ask(PTR, name);
  }

  txt(name: string): Promise<readonly string[]> {
    return this.#ask(TXT, name);
  }

  ns(domain: string): Promise<readonly string[]> {
    return this.#ask(NS, domain);
  }

  /** Questions on their way fail with `tempfail`. */
  close(): void {
    this.#closed = true;
    this.#system.cancel();
  }

  /** Asks our zones, then the servers; questions alike share one answer. */
  #ask<T>(kind: Kind<T>, domain: string): Promise<readonly T[]> {
    let name: DomainName;
    try {
      name = nameKey(parseName(domain));
    } catch (error) {
      // What is no name cannot be found (a long label in somebody's address); to ask would be a fault.
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
        throw new ResolveError('tempfail', `${name}: more than ${MAX_CHAIN} CNAME records lead from one to the next`);
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

/** A type of question: how c-ares is asked, and how record data of ours is read. */
interface Kind<T> {
  readonly word: string;
  readonly type: number;
  ask(system: SystemResolver, name: string): Promise<readonly T[]>;
  read(rdata: Uint8Array): T;
  /**
   * What every host knows of itself and nobody else is asked about (RFC 6761 section 6.3), where our own zones say
   * nothing.
   */
  readonly loopback?: ReadonlyMap<DomainName, readonly T[]>;
}

const LOCALHOST = nameKey(parseName('localhost'));
const LOOPBACK_NAMES = ['127.0.0.1', '::1'].flatMap((ip) => reverseName(ip) ?? []);

/** Names as the interface promises them: lower case, no final dot; '' for the root (a null MX). */
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

/** Times that a CNAME may lead out of our zones and back. */
const MAX_CHAIN = 8;

/** The name that a CNAME of ours leads to where our zones end: others know it. */
function leavesBy(answer: Answer, type: number): DomainName | null {
  const last = answer.answers.at(-1);
  const rdata = last?.rdatas[0];
  if (rdata === undefined || last?.type !== TYPE.CNAME || type === TYPE.CNAME || answer.rcode !== RCODE.NOERROR)
    return null;
  return answer.authorities.some((set) => set.type === TYPE.SOA) ? null : nameKey(new WireReader(rdata).name());
}

/**
 * c-ares codes that are answers; all others (ETIMEOUT, ESERVFAIL, EREFUSED, ECONNREFUSED, ECANCELLED …) may be better
 * later.
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

/** Lets a number of tasks run; the rest wait in line. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(slots: number) {
    this.#free = slots;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await task();
    } finally {
      // The slot is handed on, so that nobody new can take it between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
