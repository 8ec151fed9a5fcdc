/**
 * resolv.conf (resolv.conf(5)): the name servers used for mail delivery. Besides plain addresses, `address:port` and
 * `[v6]:port` are accepted. Other keywords are for the system's resolver and ignored. Requirement B6.
 */
import ipaddr from 'ipaddr.js';
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import { encodingFaults } from './encoding.ts';
import type { Fault } from './fault.ts';

const MAX_NAMESERVERS = 16;
const PASSED_OVER = new Set(['domain', 'search', 'options', 'sortlist', 'lookup', 'family']);

/** Never throws. */
export function parseResolvConf(
  text: string,
  file: string,
): { readonly nameservers: readonly Endpoint[]; readonly faults: readonly Fault[] } {
  const nameservers: Endpoint[] = [];
  const faults: Fault[] = encodingFaults(text, file);
  for (const [index, raw] of text.split('\n').entries()) {
    const [keyword, value] = raw
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === undefined || keyword === '' || PASSED_OVER.has(keyword)) continue;
    const nameserver =
      keyword === 'nameserver'
        ? parseNameserver(value ?? '')
        : `unknown keyword "${keyword.slice(0, 40)}": expected "nameserver address"`;
    if (typeof nameserver === 'string') faults.push({ file, line: index + 1, message: nameserver });
    else if (nameservers.length < MAX_NAMESERVERS) nameservers.push(nameserver);
  }
  return { nameservers, faults };
}

function parseNameserver(text: string): Endpoint | string {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const address = ipaddr.isValid(text) ? text : (match?.[1] ?? match?.[2] ?? '');
  const port = ipaddr.isValid(text) ? 53 : Number(match?.[3] ?? 53);
  if (!ipaddr.IPv4.isValidFourPartDecimal(address) && !ipaddr.IPv6.isValid(address)) {
    return `nameserver "${text.slice(0, 60)}": expected an address, address:port or [address]:port`;
  }
  return port >= 1 && port <= 65_535 ? { address, port } : `nameserver "${text}": expected a port from 1 to 65535`;
}
