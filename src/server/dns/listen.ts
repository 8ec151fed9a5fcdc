/** Which addresses a name server listens at: those that were named, and for `any` each of this host's interfaces. */

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
  /** Named by its address: a start without it is refused. Others come and go with the interfaces. */
  readonly named: boolean;
}

/**
 * One socket for each address, as BIND does, for an answer must come from the address that was asked.
 * An address that is named is taken whether an interface has it or not (127.0.1.53 is in none's list).
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

/** Link-local IPv6 addresses need a scope to be bound, and nobody asks a name server there. */
export function localNetworks(): LocalNetworks {
  const all = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((one) => !one.address.toLowerCase().startsWith('fe80:'));
  return {
    addresses: [...new Set(all.map((one) => one.address))],
    networks: all.map((one) => one.cidr ?? one.address),
  };
}
