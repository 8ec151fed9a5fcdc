/**
 * The hosts for a nexthop, in the order in which to try them (RFC 5321 section 5.1): MX by preference, equal ones
 * shuffled; the domain's own addresses if it has no MX; none for a null MX (RFC 7505); never ourselves, nor hosts whose
 * preference is not better than ours.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type Reply, reply } from '../../mail/status.ts';
import { ResolveError, type Resolver } from '../../protocol/dns/resolver.ts';
import type { Nexthop } from '../route/nexthop.ts';

export interface Host {
  /** The name used in logs and for the certificate check; the address itself for a literal. */
  readonly name: string;
  readonly ip: string;
}

export type FoundHosts =
  | { readonly ok: true; readonly hosts: readonly Host[]; readonly areMine: boolean }
  /** `areMine`: we are an MX host of the domain too. */
  | { readonly ok: false; readonly status: 'deferred' | 'bounced'; readonly reply: Reply; readonly areMine: boolean };

export interface HostFinder {
  readonly resolver: Resolver;
  /** Returns a number from 0 up to 1. */
  readonly random: () => number;
  /** smtp_mx_address_limit; 0 means no limit. */
  readonly addressLimit: number;
  readonly families: { readonly ipv4: boolean; readonly ipv6: boolean };
  /** Whether the name or address is our own (myhostname, inet_interfaces, proxy_interfaces). */
  isMyself(nameOrIp: string): boolean;
}

interface Exchange {
  readonly name: string;
  readonly preference: number;
  readonly ips: readonly string[];
}

/** If a zone has hundreds of MX records, only this many are looked up. */
const MAX_EXCHANGES = 20;

/** 'null' if the domain does not accept mail (RFC 7505); otherwise a list, perhaps of the domain alone. */
async function exchangesOf(
  domain: string,
  resolver: Resolver,
): Promise<{ name: string; preference: number }[] | 'null'> {
  try {
    const records = await resolver.mx(domain);
    if (records.length === 1 && (records[0]?.exchange === '' || records[0]?.exchange === '.')) return 'null';
    const exchanges = records
      .map(({ exchange, preference }) => ({ name: exchange.toLowerCase().replace(/\.$/, ''), preference }))
      .filter(({ name }) => name !== '');
    if (exchanges.length > 0) return exchanges;
  } catch (error) {
    if (!(error instanceof ResolveError) || error.reason === 'tempfail') throw error;
  }
  return [{ name: domain, preference: 0 }];
}

/** Ascending preference; equal ones in random order. */
function inOrder(
  exchanges: { name: string; preference: number }[],
  random: () => number,
): { name: string; preference: number }[] {
  const keyed = exchanges.map((exchange) => ({ exchange, key: random() }));
  keyed.sort((a, b) => a.exchange.preference - b.exchange.preference || a.key - b.key);
  return keyed.map(({ exchange }) => exchange);
}

async function addressesOf(name: string, finder: HostFinder): Promise<readonly string[]> {
  if (isIP(name) !== 0) return [name];
  const { resolver, families } = finder;
  const asked = await Promise.allSettled([
    families.ipv6 ? resolver.aaaa(name) : [],
    families.ipv4 ? resolver.a(name) : [],
  ]);
  const ips = asked.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  if (ips.length > 0) return ips;
  const fault = asked.find((answer) => answer.status === 'rejected');
  throw fault?.reason ?? new ResolveError('nodata', `${name} has no address`);
}

const nameService = (name: string, type: string, again: boolean): string =>
  `Host or domain name not found. Name service error for name=${name} type=${type}: Host not found${again ? ', try again' : ''}`;

export async function findHosts(nexthop: Nexthop, finder: HostFinder): Promise<FoundHosts> {
  const domain = isIP(nexthop.host) === 0 ? domainToASCII(nexthop.host) || nexthop.host : nexthop.host;
  let exchanges: { name: string; preference: number }[];
  try {
    const found =
      nexthop.mx && isIP(domain) === 0 ? await exchangesOf(domain, finder.resolver) : [{ name: domain, preference: 0 }];
    if (found === 'null') return bounced(reply(556, '5.1.10', `Domain ${domain} does not accept mail (nullMX)`));
    exchanges = inOrder(found, finder.random).slice(0, MAX_EXCHANGES);
  } catch {
    const answer = reply(451, '4.4.3', nameService(domain, 'MX', true));
    return { ok: false, status: 'deferred', reply: answer, areMine: false };
  }
  const resolved: Exchange[] = [];
  let again = false;
  for (const exchange of exchanges) {
    try {
      resolved.push({ ...exchange, ips: await addressesOf(exchange.name, finder) });
    } catch (error) {
      again ||= !(error instanceof ResolveError) || error.reason === 'tempfail';
    }
    if (finder.addressLimit > 0 && resolved.length >= finder.addressLimit) break;
  }
  if (resolved.length === 0) {
    const answer = reply(
      again ? 451 : 550,
      again ? '4.4.3' : '5.4.4',
      nameService(exchanges[0]?.name ?? domain, 'A', again),
    );
    return { ok: false, status: again ? 'deferred' : 'bounced', reply: answer, areMine: false };
  }
  // An explicit port means another server on this machine, for instance a content filter.
  const better = nexthop.port === null ? betterThanMyself(resolved, finder) : resolved;
  if (better.length === 0)
    return bounced(reply(554, '5.4.6', `mail for ${nexthop.mx ? domain : `[${domain}]`} loops back to myself`), true);
  const hosts = better.flatMap(({ name, ips }) => ips.map((ip) => ({ name, ip })));
  const areMine = better.length < resolved.length;
  return { ok: true, hosts: finder.addressLimit > 0 ? hosts.slice(0, finder.addressLimit) : hosts, areMine };
}

/** Only hosts with a better preference than ours: the others would cause a mail loop. */
function betterThanMyself(exchanges: readonly Exchange[], finder: HostFinder): readonly Exchange[] {
  const mine = exchanges
    .filter(({ name, ips }) => finder.isMyself(name) || ips.some((ip) => finder.isMyself(ip)))
    .map(({ preference }) => preference);
  if (mine.length === 0) return exchanges;
  const best = Math.min(...mine);
  return exchanges.filter(({ preference }) => preference < best);
}

const bounced = (answer: Reply, areMine = false): FoundHosts => ({
  ok: false,
  status: 'bounced',
  reply: answer,
  areMine,
});
