/**
 * The hosts for a nexthop, in the order in which to try them (RFC 5321 section 5.1): MX by preference, then as
 * `address-order.ts` says; the domain's own addresses if it has no MX; none for a null MX (RFC 7505); never ourselves, nor hosts whose
 * preference is not better than ours.
 */

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { type Reply, reply } from '../../mail/status.ts';
import { FilteredError } from '../../protocol/dns/reply-filter.ts';
import { ResolveError } from '../../protocol/dns/resolver.ts';
import type { Nexthop } from '../route/nexthop.ts';
import { type AddressOrder, inOrder, orderAddresses } from './address-order.ts';
import { addressesOf, type HostLookup, mailExchangesOf, SystemLookupError, serverName } from './host-lookup.ts';

export interface Host {
  /** The name used in logs and for the certificate check; the address itself for a literal. */
  readonly name: string;
  readonly ip: string;
}

export type FoundHosts =
  | { readonly ok: true; readonly hosts: readonly Host[]; readonly areMine: boolean }
  /** `areMine`: we are an MX host of the domain too. */
  | { readonly ok: false; readonly status: 'deferred' | 'bounced'; readonly reply: Reply; readonly areMine: boolean };

/** The settings of a client for finding hosts. */
export interface HostSearch {
  readonly order: AddressOrder;
  /** False: without DNS a next hop is a host (smtp_dns_support_level = disabled). */
  readonly asksMx: boolean;
  /** A host of the domain's name may take the mail where its MX is not known now (ignore_mx_lookup_error). */
  readonly ignoresMxFault: boolean;
  /** Mail waits where no MX host has an address (smtp_defer_if_no_mx_address_found). */
  readonly defersWithoutAddress: boolean;
}

export interface HostFinder extends HostSearch {
  readonly lookup: HostLookup;
  /** Returns a number from 0 up to 1. */
  readonly random: () => number;
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
  { lookup, ignoresMxFault }: HostFinder,
): Promise<{ name: string; preference: number }[] | 'null'> {
  try {
    const records = await mailExchangesOf(domain, lookup);
    if (records.length === 1 && (records[0]?.exchange === '' || records[0]?.exchange === '.')) return 'null';
    const exchanges = records
      .map(({ exchange, preference }) => ({ name: exchange.toLowerCase().replace(/\.$/, ''), preference }))
      .filter(({ name }) => name !== '');
    if (exchanges.length > 0) return exchanges;
  } catch (error) {
    if (!(error instanceof ResolveError) || (error.reason === 'tempfail' && !ignoresMxFault)) throw error;
  }
  return [{ name: domain, preference: 0 }];
}

const nameService = (name: string, type: string, again: boolean): string =>
  `Host or domain name not found. Name service error for name=${name} type=${type}: Host not found${again ? ', try again' : ''}`;

export async function findHosts(nexthop: Nexthop, finder: HostFinder): Promise<FoundHosts> {
  const domain = isIP(nexthop.host) === 0 ? domainToASCII(nexthop.host) || nexthop.host : nexthop.host;
  let exchanges: { name: string; preference: number }[];
  try {
    const found =
      nexthop.mx && finder.asksMx && isIP(domain) === 0
        ? await exchangesOf(domain, finder)
        : [{ name: domain, preference: 0 }];
    if (found === 'null') return bounced(reply(556, '5.1.10', `Domain ${domain} does not accept mail (nullMX)`));
    exchanges = inOrder(found, finder.order.randomize ? finder.random : null).slice(0, MAX_EXCHANGES);
  } catch (error) {
    if (error instanceof FilteredError) return deferred(reply(451, '4.7.0', error.message));
    return deferred(reply(451, '4.4.3', nameService(domain, 'MX', true)));
  }
  const resolved: Exchange[] = [];
  let again = false;
  let filtered: FilteredError | null = null;
  let system: SystemLookupError | null = null;
  for (const exchange of exchanges) {
    try {
      const ips = await addressesOf(exchange.name, finder.lookup);
      resolved.push({ ...exchange, name: await serverName(exchange.name, finder.lookup), ips });
    } catch (error) {
      if (error instanceof FilteredError) filtered = error;
      if (error instanceof SystemLookupError) system = error;
      if (!(error instanceof FilteredError)) again ||= !(error instanceof ResolveError) || error.reason === 'tempfail';
    }
    if (finder.order.limit > 0 && resolved.length >= finder.order.limit) break;
  }
  const [first] = exchanges;
  if (resolved.length === 0) {
    const name = first?.name ?? domain;
    if (filtered !== null && !again) return deferred(reply(451, '4.7.0', filtered.message));
    const text = system?.message ?? nameService(name, 'A', again);
    if (again) return deferred(reply(451, '4.4.3', text));
    return finder.defersWithoutAddress && name !== domain
      ? deferred(reply(451, '4.4.4', text))
      : bounced(reply(550, '5.4.4', text));
  }
  // An explicit port means another server on this machine, for instance a content filter.
  const better = nexthop.port === null ? betterThanMyself(resolved, finder) : resolved;
  if (better.length === 0) return bounced(reply(554, '5.4.6', `mail for ${domain} loops back to myself`), true);
  const addresses = better.flatMap(({ name, preference, ips }) => ips.map((ip) => ({ name, ip, preference })));
  const hosts = orderAddresses(addresses, finder.order, finder.random).map(({ name, ip }) => ({ name, ip }));
  return { ok: true, hosts, areMine: better.length < resolved.length };
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

const deferred = (answer: Reply): FoundHosts => ({ ok: false, status: 'deferred', reply: answer, areMine: false });

const bounced = (answer: Reply, areMine = false): FoundHosts => ({
  ok: false,
  status: 'bounced',
  reply: answer,
  areMine,
});
