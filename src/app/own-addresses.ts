/**
 * The addresses on which we receive mail (inet_interfaces, proxy_interfaces): mail for `[address]` is local, and an MX
 * host with one of them is ourselves (RFC 5321 section 5.1), to prevent mail loops.
 */
import type { Configuration } from '../config/configuration.ts';
import { thisMachine } from '../config/machine.ts';

/** The address families of a wildcard. */
const FAMILIES: ReadonlyMap<string, 'IPv4' | 'IPv6'> = new Map([
  ['0.0.0.0', 'IPv4'],
  ['::', 'IPv6'],
]);

/** Without brackets and scopes. A wildcard expands to every current address of this machine. */
export function ownAddresses({ services, parameters }: Pick<Configuration, 'services' | 'parameters'>): string[] {
  const machine = thisMachine().interfaces;
  const listening = services.flatMap(({ addresses }) =>
    addresses.flatMap((address) => {
      const family = FAMILIES.get(address);
      return family === undefined
        ? [address]
        : machine.filter((one) => one.family === family).map((one) => one.address.replace(/%.*$/, ''));
    }),
  );
  const behind = parameters.list('proxy_interfaces').map((item) => item.replace(/^\[(?:ipv6:)?(.*)\]$/i, '$1'));
  return [...new Set([...listening, ...behind])];
}
