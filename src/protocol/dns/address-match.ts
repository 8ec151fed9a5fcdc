/**
 * Address match lists (BIND: `allow-transfer { 10.0.0.0/8; !10.1.2.3; }`): the first matching element
 * decides; an address that matches none is refused.
 */

import { parseIp4, parseIp6 } from './name.ts';

export interface AddressRule {
  readonly negated: boolean;
  /** `localhost` and `localnets` are the addresses and networks of this host. */
  readonly match:
    | { readonly kind: 'any' | 'localhost' | 'localnets' }
    | { readonly kind: 'prefix'; readonly octets: readonly number[]; readonly bits: number }
    | { readonly kind: 'list'; readonly rules: AddressMatch };
}

export type AddressMatch = readonly AddressRule[];

export const ANY: AddressMatch = [{ negated: false, match: { kind: 'any' } }];
export const NONE: AddressMatch = [];

/** An address or a prefix such as `10.0.0.0/8` or `10/8`; null if it is neither. */
export function parsePrefix(text: string): { readonly octets: readonly number[]; readonly bits: number } | null {
  const [address = '', length, extra] = text.split('/');
  if (extra !== undefined) return null;
  // BIND allows the last octets of a prefix to be omitted.
  const dots =
    /^[0-9]+(?:\.[0-9]+){0,2}$/.test(address) && length !== undefined
      ? `${address}${'.0'.repeat(4 - address.split('.').length)}`
      : address;
  const octets = parseIp4(dots) ?? parseIp6(address);
  if (octets === null) return null;
  if (length === undefined) return { octets, bits: octets.length * 8 };
  return /^[0-9]{1,3}$/.test(length) && Number(length) <= octets.length * 8 ? { octets, bits: Number(length) } : null;
}

const octetsOfIp = (ip: string): readonly number[] | null => {
  const six = parseIp4(ip) ?? parseIp6(ip);
  if (six === null || six.length === 4) return six;
  const mapped = six.slice(0, 10).every((octet) => octet === 0) && six[10] === 255 && six[11] === 255;
  return mapped ? six.slice(12) : six;
};

/** This host's addresses for `localhost` and `localnets`: `10.0.0.5/8` for each interface. */
export interface LocalNetworks {
  readonly addresses: readonly string[];
  readonly networks: readonly string[];
}

export function matches(list: AddressMatch, ip: string, local: LocalNetworks): boolean {
  const octets = octetsOfIp(ip);
  return octets !== null && decide(list, octets, local) === true;
}

/** Whether the first matching element allows the address; null if none matches. */
function decide(list: AddressMatch, octets: readonly number[], local: LocalNetworks): boolean | null {
  for (const { negated, match } of list) {
    // A negative result of a nested list is not a match (as in BIND, where only positive ones count).
    const hit = match.kind === 'list' ? decide(match.rules, octets, local) === true : hits(match, octets, local);
    if (hit) return !negated;
  }
  return null;
}

function hits(
  match: Exclude<AddressRule['match'], { readonly kind: 'list' }>,
  octets: readonly number[],
  local: LocalNetworks,
): boolean {
  switch (match.kind) {
    case 'any':
      return true;
    case 'prefix':
      return within(octets, match);
    default: {
      const prefixes = match.kind === 'localhost' ? local.addresses : local.networks;
      return prefixes.some((text) => {
        const prefix = parsePrefix(text);
        return prefix !== null && within(octets, prefix);
      });
    }
  }
}

function within(
  octets: readonly number[],
  prefix: { readonly octets: readonly number[]; readonly bits: number },
): boolean {
  if (octets.length !== prefix.octets.length) return false;
  for (let i = 0, bits = prefix.bits; bits > 0; i += 1, bits -= 8) {
    const mask = bits >= 8 ? 0xff : (0xff << (8 - bits)) & 0xff;
    if (((octets[i] ?? 0) & mask) !== ((prefix.octets[i] ?? 0) & mask)) return false;
  }
  return true;
}
