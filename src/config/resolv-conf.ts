/**
 * resolv.conf (resolv.conf(5)): the name servers used for mail delivery. Besides plain addresses, `address:port` and
 * `[v6]:port` are accepted. `search`, `domain` and `options ndots:` are for smtp_dns_resolver_options, `options trust-ad` for DANE; the
 * rest is for the system's resolver and ignored. Requirement B6.
 */
import { readFileSync } from 'node:fs';
import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import type { SearchList } from '../protocol/dns/search.ts';
import { encodingFaults, readable } from './encoding.ts';
import type { Fault } from './fault.ts';

const SYSTEM_FILE = '/etc/resolv.conf';
const MAX_NAMESERVERS = 16;
/** As resolv.conf(5) has them. */
const MAX_SEARCHED = 6;
const MAX_NDOTS = 15;
const PASSED_OVER = new Set(['sortlist', 'lookup', 'family']);

export interface ResolvConf {
  readonly nameservers: readonly Endpoint[];
  readonly search: SearchList;
  /** What the name servers say of DNSSEC is believed: all are on this machine, or `options trust-ad` says so. */
  readonly trustsAd: boolean;
  readonly faults: readonly Fault[];
}

/** Never throws. */
export function parseResolvConf(text: string, file: string): ResolvConf {
  const nameservers: Endpoint[] = [];
  let domains: readonly string[] = [];
  let ndots = 1;
  let trustsAd = false;
  const faults: Fault[] = encodingFaults(text, file);
  for (const [index, raw] of readable(text).split('\n').entries()) {
    const [keyword, ...values] = raw
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === undefined || keyword === '' || PASSED_OVER.has(keyword)) continue;
    const [value] = values;
    if (keyword === 'search' || keyword === 'domain') {
      domains = values.slice(0, keyword === 'domain' ? 1 : MAX_SEARCHED).map((one) => one.replace(/\.$/, ''));
      continue;
    }
    if (keyword === 'options') {
      trustsAd ||= values.includes('trust-ad');
      const dots = /^ndots:(\d+)$/.exec(values.findLast((one) => one.startsWith('ndots:')) ?? '')?.[1];
      if (dots !== undefined) ndots = Math.min(Number(dots), MAX_NDOTS);
      continue;
    }
    const nameserver =
      keyword === 'nameserver'
        ? parseNameserver(value ?? '')
        : `unknown keyword "${keyword.slice(0, 40)}": expected "nameserver address"`;
    if (typeof nameserver === 'string') faults.push({ file, line: index + 1, message: nameserver });
    else if (nameservers.length < MAX_NAMESERVERS) nameservers.push(nameserver);
  }
  return {
    nameservers,
    search: { domains: domains.filter((one) => one !== ''), ndots },
    trustsAd: trustsAd || areHere(nameservers),
    faults,
  };
}

/** Of this machine; empty where it cannot be read. */
export function systemResolvConf(): Pick<ResolvConf, 'search' | 'trustsAd'> {
  try {
    return parseResolvConf(readFileSync(SYSTEM_FILE, 'utf8'), SYSTEM_FILE);
  } catch {
    return { search: { domains: [], ndots: 1 }, trustsAd: false };
  }
}

const areHere = (nameservers: readonly Endpoint[]): boolean =>
  nameservers.length > 0 && nameservers.every(({ address }) => /^127\.|^::1$/.test(address));

function parseNameserver(text: string): Endpoint | string {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const address = ipaddr.isValid(text) ? text : (match?.[1] ?? match?.[2] ?? '');
  const port = ipaddr.isValid(text) ? 53 : Number(match?.[3] ?? 53);
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) {
    return `nameserver "${text.slice(0, 60)}": expected an address, address:port or [address]:port`;
  }
  return port >= 1 && port <= 65_535 ? { address, port } : `nameserver "${text}": expected a port from 1 to 65535`;
}
