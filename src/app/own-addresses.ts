/**
 * The addresses by which mail comes to us (inet_interfaces, proxy_interfaces): mail for `[address]` is ours, and
 * an MX host that has one of them is ourselves (RFC 5321 section 5.1), so that no message goes round in a circle.
 */
import type { Configuration } from '../config/configuration.ts';
import { thisMachine } from '../config/machine.ts';

/** What a wildcard stands for. */
const FAMILIES: ReadonlyMap<string, 'IPv4' | 'IPv6'> = new Map([
  ['0.0.0.0', 'IPv4'],
  ['::', 'IPv6'],
]);

/** Without brackets and scopes. A wildcard is every address that this machine has now. */
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
