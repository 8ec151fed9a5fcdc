/**
 * Whether `mynetworks` trusts more than an administrator can oversee: everyone (an error), a large public network, or
 * neighbours included by `mynetworks_style` (warnings). Clients in mynetworks may relay.
 */
import ipaddr from 'ipaddr.js';
import { inNetwork, type Network, parseAddress, parseNetwork } from '../../lookup/network.ts';
import type { Tables } from '../../lookup/table.ts';
import type { Service } from '../configuration.ts';
import { type Fault, uniqueFaults } from '../fault.ts';
import { holdsAll } from './holds-all.ts';

/** Networks not used on the Internet (RFC 1918, 3927, 4193, 6598 and loopback). */
const PRIVATE: readonly Network[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].map((text) => {
  const [address, bits] = ipaddr.parseCIDR(text);
  return { address, bits };
});

/** Public networks with a shorter prefix are too large for a single administrator. */
const FEWEST_BITS = { ipv4: 16, ipv6: 32 } as const;
const WIDTH = { ipv4: 32, ipv6: 128 } as const;
/** Addresses found only in a table that matches everyone. */
const STRANGERS = ['198.51.100.23', '203.0.113.180', '8.8.4.4'];

export interface NetworkOptions {
  readonly tables: Tables;
  /** The gateway if this is a container (container-gateway.ts), otherwise null. */
  readonly gateway: string | null;
}

export interface NetworkCheck {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** `file` is main.cf. */
export function checkNetworks(
  services: readonly Service[],
  file: string,
  { tables, gateway }: NetworkOptions,
): NetworkCheck {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  for (const service of services) {
    const items = service.parameters.list('mynetworks');
    const set = service.setAt('mynetworks', '') !== undefined;
    const parameter = set ? 'mynetworks' : 'mynetworks_style';
    const at = (item: string) => ({ ...(service.setAt(parameter, item) ?? { file, line: 0 }), parameter });
    const networks = plainNetworks(items);
    const everybody = everyoneIn(items, tables);
    if (everybody !== undefined) {
      faults.push({
        ...at(everybody),
        message: `"${everybody}" matches everyone: clients in mynetworks may relay; list your own networks, such as 127.0.0.0/8 192.0.2.0/24`,
      });
      continue;
    }
    const open = networks.filter(({ network }) => isPublic(network));
    for (const { item, network } of set ? open : []) {
      if (network.bits < FEWEST_BITS[network.address.kind()])
        warnings.push({
          ...at(item),
          message: `"${item}" is a large public network: every client in it may relay`,
        });
    }
    const address = gateway === null ? null : parseAddress(gateway);
    const around = address === null ? undefined : networks.find(({ network }) => inNetwork(address, network));
    if (around !== undefined)
      warnings.push({
        ...at(around.item),
        message: `"${around.item}" holds ${gateway}, the gateway of this container: if its host forwards ports through a proxy, all clients come from there and may relay`,
      });
    const neighbours = set ? [] : open.filter(({ network }) => network.bits < WIDTH[network.address.kind()]);
    if (neighbours.length > 0) {
      const names = neighbours.map(({ item }) => item).join(' ');
      warnings.push({
        ...at(''),
        message: `trusts ${names}, which are public addresses: every client there may relay; "mynetworks_style = host" trusts only this machine`,
      });
    }
  }
  return { faults: uniqueFaults(faults), warnings: uniqueFaults(warnings) };
}

/** The item, or the items together, that match everyone; undefined if none do. */
export const everyoneIn = (items: readonly string[], tables: Pick<Tables, 'open'>): string | undefined =>
  items.find((item) => isTable(item) && holdsAll(item, STRANGERS, tables)) ?? coverAll(plainNetworks(items));

const plainNetworks = (items: readonly string[]): { readonly item: string; readonly network: Network }[] =>
  items.flatMap((item) => {
    const network = item.startsWith('!') ? '' : parseNetwork(item);
    return typeof network === 'string' ? [] : [{ item, network }];
  });

const isPublic = ({ address, bits }: Network): boolean =>
  !PRIVATE.some(
    (one) => one.address.kind() === address.kind() && one.bits <= bits && address.match(one.address as never, one.bits),
  );

const isTable = (item: string): boolean =>
  parseAddress(item.replace(/\/\d+$/, '')) === null && /^(?:proxy:)?[a-z][a-z0-9]*:./.test(item);

/** The items that together cover a whole address family, as one text; undefined if they do not. */
function coverAll(networks: readonly { readonly item: string; readonly network: Network }[]): string | undefined {
  for (const kind of ['ipv4', 'ipv6'] as const) {
    const sized = networks
      .filter(({ network }) => network.address.kind() === kind)
      .map(({ item, network }) => {
        const first = BigInt(`0x${Buffer.from(network.address.toByteArray()).toString('hex')}`);
        return { item, first, after: first + (1n << BigInt(WIDTH[kind] - network.bits)), bits: network.bits };
      })
      .sort((a, b) => (a.first < b.first ? -1 : 1));
    let reached = 0n;
    const used: string[] = [];
    for (const { item, first, after } of sized) {
      if (first > reached) break;
      if (after <= reached) continue;
      reached = after;
      used.push(item);
    }
    if (reached === 1n << BigInt(WIDTH[kind])) return sized.find(({ bits }) => bits === 0)?.item ?? used.join(' ');
  }
  return undefined;
}
