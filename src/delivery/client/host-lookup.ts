/**
 * How the names of servers are looked up: in DNS, in which smtp_dns_reply_filter may leave out records, or as the
 * system's programs do it, which read /etc/hosts (smtp_host_lookup).
 */
import { lookup } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import type { LookupTable } from '../../lookup/table.ts';
import { FilteredError, unfiltered } from '../../protocol/dns/reply-filter.ts';
import { ResolveError, type Resolver } from '../../protocol/dns/resolver.ts';

export interface HostLookup {
  readonly resolver: Pick<Resolver, 'mx' | 'a' | 'aaaa' | 'cname'>;
  readonly families: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** In this order: the first that knows the host. */
  readonly ways: readonly ('dns' | 'native')[];
  /** smtp_cname_overrides_servername */
  readonly namesFollowCnames: boolean;
  /** smtp_dns_reply_filter */
  readonly filter: readonly LookupTable[];
}

/** Rejects with ResolveError or FilteredError. */
export async function mailExchangesOf(domain: string, host: HostLookup): ReturnType<Resolver['mx']> {
  const records = await host.resolver.mx(domain);
  return unfiltered(records, host.filter, domain, 'MX');
}

/** Rejects with ResolveError or FilteredError. */
export async function addressesOf(name: string, host: HostLookup): Promise<readonly string[]> {
  if (isIP(name) !== 0) return [name];
  let fault: unknown;
  for (const way of host.ways) {
    try {
      return await (way === 'dns' ? fromDns(name, host) : fromSystem(name, host));
    } catch (error) {
      fault = error;
      if (!(error instanceof ResolveError)) break;
    }
  }
  throw fault;
}

/** CNAME records in a chain, as many as the resolver follows in our own zones. */
const LONGEST_CHAIN = 8;

/** The name at the end of its CNAME records where the server is to be called by that; asked only then. */
export async function serverName(name: string, { namesFollowCnames, resolver, ways }: HostLookup): Promise<string> {
  let last = name;
  if (!namesFollowCnames || !ways.includes('dns') || isIP(name) !== 0) return name;
  for (let i = 0; i < LONGEST_CHAIN; i += 1) {
    const next = await resolver.cname(last).catch((error: unknown) => {
      if (error instanceof ResolveError && error.reason !== 'tempfail') return [];
      throw error;
    });
    if (next[0] === undefined || next[0] === '') return last;
    last = next[0];
  }
  throw new ResolveError('tempfail', `${name}: more than ${LONGEST_CHAIN} CNAME records in a chain`);
}

async function fromDns(name: string, host: HostLookup): Promise<readonly string[]> {
  const { resolver, families, filter } = host;
  const asked = await Promise.allSettled([
    families.ipv6 ? resolver.aaaa(name).then((ips) => unfiltered(ips, filter, name, 'AAAA')) : [],
    families.ipv4 ? resolver.a(name).then((ips) => unfiltered(ips, filter, name, 'A')) : [],
  ]);
  const ips = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (ips.length > 0) return ips;
  const faults = asked.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
  throw faults.find((fault) => fault instanceof FilteredError) ?? faults[0] ?? noAddress(name);
}

const noAddress = (name: string): ResolveError => new ResolveError('nodata', `${name} has no address`);

/** Said by the system's lookup, not by DNS: `message` is what the log and the sender are told. */
export class SystemLookupError extends ResolveError {}

/** Of getaddrinfo(3). */
const AGAIN: ReadonlySet<string> = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ECONNREFUSED']);

async function fromSystem(name: string, { families }: HostLookup): Promise<readonly string[]> {
  const found = await lookup(name, { all: true }).catch((error: NodeJS.ErrnoException) => {
    const isPassing = AGAIN.has(error.code ?? '');
    const words = isPassing ? 'Temporary failure in name resolution' : 'Name or service not known';
    const text = `unable to look up host ${name}: ${words}`;
    throw new SystemLookupError(isPassing ? 'tempfail' : 'notfound', text, { cause: error });
  });
  const ips = found.map(({ address }) => address).filter((ip) => (isIPv6(ip) ? families.ipv6 : families.ipv4));
  if (ips.length === 0) throw noAddress(name);
  return ips;
}
