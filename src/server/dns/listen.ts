/**
 * The addresses a name server listens on: those named in the configuration and, for `any`, each of this host's
 * interfaces.
 */

import { networkInterfaces } from 'node:os';
import { type AddressMatch, type LocalNetworks, matches } from '../../protocol/dns/address-match.ts';
import { formatIp6 } from '../../protocol/dns/name.ts';

export interface ListenRule {
  readonly family: 4 | 6;
  readonly port: number;
  readonly match: AddressMatch;
}

export interface ListenAddress {
  readonly address: string;
  readonly port: number;
  /** Configured explicitly: the start fails if it cannot be bound. Others come and go with the interfaces. */
  readonly named: boolean;
}

/**
 * One socket per address, as in BIND, because an answer must come from the address that was queried. A named address is
 * used even if no interface lists it (as with 127.0.1.53).
 */
export function listenAddresses(
  rules: readonly ListenRule[],
  local: LocalNetworks = localNetworks(),
): readonly ListenAddress[] {
  const found = new Map<string, ListenAddress>();
  for (const { family, port, match } of rules) {
    const named = match.flatMap(({ negated, match: element }) => {
      if (negated || element.kind !== 'prefix' || element.bits !== element.octets.length * 8) return [];
      return [element.octets.length === 4 ? element.octets.join('.') : formatIp6(Uint8Array.from(element.octets))];
    });
    const addresses = [...named, ...local.addresses.filter((address) => matches(match, address, local))];
    for (const address of addresses) {
      const key = `${address} ${port}`;
      if (address.includes(':') !== (family === 6) || found.has(key)) continue;
      found.set(key, { address, port, named: named.includes(address) });
    }
  }
  return [...found.values()];
}

/** Link-local IPv6 addresses cannot be bound without a scope, and no client queries a name server there. */
export function localNetworks(): LocalNetworks {
  const all = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => !one.address.toLowerCase().startsWith('fe80:'));
  return {
    addresses: [...new Set(all.map((one) => one.address))],
    networks: all.map((one) => one.cidr ?? one.address),
  };
}
