/**
 * Our own addresses, and the networks trusted by default.
 *
 * Nothing is trusted because it looks local: with `mynetworks_style = host`, our default at every level, these are
 * loopback and our own addresses. A NAT or a container's gateway is not included.
 */
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

/** An address of this machine, as node:os reports it. */
export interface Interface {
  readonly address: string;
  /** `255.255.255.0` or `ffff:ffff::`. */
  readonly netmask: string;
}

/** Whether `inet_protocols` includes the family of this address. */
function protocolEnabled(address: string, protocols: readonly string[]): boolean {
  return protocols.includes('all') || protocols.includes(address.includes(':') ? 'ipv6' : 'ipv4');
}

/**
 * The addresses to listen on, from `inet_interfaces`: wildcards for `all`; the listener resolves names. With
 * `inet_protocols = all`, keywords cover only the protocols that the machine has: many containers have no IPv6.
 */
export function listenAddresses(
  interfaces: readonly string[],
  protocols: readonly string[],
  hasIpv6 = machineHasIpv6(),
): string[] {
  const ofKeywords = (address: string): boolean => hasIpv6 || !address.includes(':') || !protocols.includes('all');
  const addresses = interfaces.flatMap(
    (item) => KEYWORDS.get(item.toLowerCase())?.filter(ofKeywords) ?? [item.replace(/^\[(.*)\]$/, '$1')],
  );
  return [...new Set(addresses)].filter((address) => !ipaddr.isValid(address) || protocolEnabled(address, protocols));
}

function machineHasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ family }) => family === 'IPv6'));
}

const KEYWORDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['all', ['0.0.0.0', '::']],
  ['loopback-only', ['127.0.0.1', '::1']],
  ['localhost', ['127.0.0.1', '::1']],
]);

export interface OwnNetworksOptions {
  readonly style: string;
  /** `inet_interfaces` and `inet_protocols`, split. */
  readonly inetInterfaces: readonly string[];
  readonly protocols: readonly string[];
  readonly interfaces: readonly Interface[];
}

/** The default of `mynetworks`, in Postfix's form: `127.0.0.0/8 192.0.2.7/32 [::1]/128`. */
export function ownNetworks(options: OwnNetworksOptions): string {
  const { style, inetInterfaces, protocols, interfaces } = options;
  const all = inetInterfaces.includes('all');
  const listening = new Set(listenAddresses(inetInterfaces, ['all']).map(normal));
  const own = all ? interfaces : interfaces.filter((it) => listening.has(normal(it.address)));
  const networks = ['127.0.0.0/8', '[::1]/128', ...own.map((it) => networkOf(it, style))];
  return [...new Set(networks)]
    .filter((network) => !/^127\.(?!0\.0\.0\/8)/.test(network) && protocolEnabled(network, protocols))
    .join(' ');
}

const normal = (address: string): string => (ipaddr.isValid(address) ? ipaddr.parse(address).toString() : address);

const CLASS_BITS: readonly (readonly [below: number, bits: number])[] = [
  [128, 8],
  [192, 16],
  [224, 24],
];

function networkOf(it: Interface, style: string): string {
  const address = ipaddr.parse(it.address.replace(/%.*$/, ''));
  if (address.kind() === 'ipv6') {
    if (style === 'host') return `[${address.toString()}]/128`;
    const bits = ipaddr.IPv6.parse(it.netmask).prefixLengthFromSubnetMask() ?? 128;
    return `[${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()}]/${bits}`;
  }
  if (style === 'host') return `${address.toString()}/32`;
  const first = address.toByteArray()[0] ?? 0;
  const bits =
    style === 'class'
      ? (CLASS_BITS.find(([below]) => first < below)?.[1] ?? 32)
      : (ipaddr.IPv4.parse(it.netmask).prefixLengthFromSubnetMask() ?? 32);
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address.toString()}/${bits}`).toString()}/${bits}`;
}
