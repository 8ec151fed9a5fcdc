/**
 * Compiles lists of networks, as in `mynetworks`, to a matcher: addresses and `net/bits`, IPv6 with
 * or without brackets, `!` for exceptions, host names compared with the client's, and lookup tables.
 * The first matching item decides. IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) count as IPv4.
 */
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';
import type { LookupTable, Tables } from './table.ts';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

export interface Network {
  readonly address: Address;
  readonly bits: number;
}

/** Parses an address, converting IPv4-mapped IPv6 to IPv4; null if it is invalid. Octets are decimal. */
export function parseAddress(text: string): Address | null {
  const bare = text.replace(/%[^%]*$/, '');
  if (!ipaddr.IPv4.isValidFourPartDecimal(bare) && !ipaddr.IPv6.isValid(bare)) return null;
  return ipaddr.process(bare);
}

/** As cidr_table(5) reads it: an IPv4-mapped address stays IPv6, and no address has a zone. */
export function parsePlainAddress(text: string): Address | null {
  if (text.includes('%')) return null;
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text) ? ipaddr.parse(text) : null;
}

/** The same for a network; or what is wrong with it. */
export function parsePlainNetwork(text: string): Network | string {
  const [written = '', length, ...more] = text.split('/');
  const address =
    more.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length)) ? null : parsePlainAddress(written);
  return address === null
    ? notANetwork(text)
    : checkedNetwork(text, address, length === undefined ? undefined : Number(length));
}

/** Returns a network, or what is wrong with it. Bits beyond the prefix must be zero, as Postfix requires. */
export function parseNetwork(text: string): Network | string {
  const match = /^(?:\[([^\]]*)\]|([^/[\]]*))(?:\/(\d{1,3}))?$/.exec(text);
  const written = match?.[1] ?? match?.[2] ?? '';
  const address = parseAddress(written);
  if (match === null || address === null) return notANetwork(text);
  // The bits of an IPv4-mapped network are those of the IPv6 address: [::ffff:127.0.0.0]/104 is 127.0.0.0/8.
  const mapped = address.kind() === 'ipv4' && written.includes(':') && match[3] !== undefined;
  const bits = match[3] === undefined ? undefined : Number(match[3]) - (mapped ? 96 : 0);
  if (bits !== undefined && bits < 0) return `"${text}": an IPv4 address in IPv6 form needs 96 to 128 bits`;
  return checkedNetwork(text, address, bits);
}

const notANetwork = (text: string): string =>
  `"${text.slice(0, 80)}": expected an address or a network such as 192.0.2.0/24 or [2001:db8::]/32`;

function checkedNetwork(text: string, address: Address, length: number | undefined): Network | string {
  const width = address.kind() === 'ipv4' ? 32 : 128;
  const bits = length ?? width;
  if (bits > width) return `"${text}": at most ${width} bits`;
  if (!hostBitsAreZero(address, bits))
    return `"${text}": address bits beyond the first ${bits} must be zero; did you mean ${maskedText(address, bits)}?`;
  return { address, bits };
}

/** Whether an address is in a network. */
export const inNetwork = (address: Address, network: Network): boolean =>
  address.kind() === network.address.kind() && address.match(network.address as never, network.bits);

function masked(address: Address, bits: number): number[] {
  return address.toByteArray().map((octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - i * 8))));
}

const hostBitsAreZero = (address: Address, bits: number): boolean =>
  masked(address, bits).every((octet, i) => (octet & 0xff) === (address.toByteArray()[i] ?? 0));

function maskedText(address: Address, bits: number): string {
  const network = ipaddr.fromByteArray(masked(address, bits).map((octet) => octet & 0xff));
  return address.kind() === 'ipv4' ? `${network.toString()}/${bits}` : `[${network.toString()}]/${bits}`;
}

/** Parsed addresses that a list keeps: a client is looked up for each of its messages. */
const REMEMBERED = 1_000;

const TABLE = /^[a-z][a-z0-9]*:(?!:)/;
const looksNumeric = (item: string): boolean =>
  /^[\d[]/.test(item) || item.includes('::') || /^[0-9a-f]+:[0-9a-f:]+/i.test(item);
const isTable = (item: string): boolean => TABLE.test(item) && !ipaddr.IPv6.isValid(item.replace(/\/\d+$/, ''));

/** What is wrong with an item of a network list, or undefined. File names, tables and host names are not checked. */
export function networkFault(item: string): string | undefined {
  const plain = item.replace(/^!+/, '');
  if (plain.startsWith('/') || plain.startsWith('{') || isTable(plain) || !looksNumeric(plain)) return undefined;
  const network = parseNetwork(plain);
  return typeof network === 'string' ? network : undefined;
}

/**
 * Whether a client is in the list. `name` is its confirmed host name, or 'unknown'. May reject if a table cannot
 * answer.
 */
export type NetworkMatcher = (ip: string, name?: string) => boolean | Promise<boolean>;

interface Item {
  readonly negated: boolean;
  readonly network?: Network;
  readonly table?: LookupTable;
  /** A host name in lower case; `.domain` for its subdomains. */
  readonly host?: string;
}

export interface NetworkListOptions {
  readonly tables: Pick<Tables, 'open'>;
  /** `domain` also matches its subdomains (parent_domain_matches_subdomains contains mynetworks). */
  readonly parentMatches?: boolean;
}

/**
 * Compiles a list in which file names were already replaced by their contents (ParameterReader.list does so). Throws an
 * Error that names the wrong item.
 */
export function compileNetworks(items: readonly string[], options: NetworkListOptions): NetworkMatcher {
  const compiled = items.map((item): Item => compileItem(item, options));
  const known = new LRUCache<string, Pick<Client, 'ip' | 'address'>>({ max: REMEMBERED });
  return (ip, name = 'unknown') => {
    let client = known.get(ip);
    if (client === undefined) {
      const address = parseAddress(ip);
      if (address === null) return false;
      client = { ip: address.toString(), address };
      known.set(ip, client);
    }
    return matchFrom(0, compiled, { ...client, name: name.toLowerCase() }, options);
  };
}

function compileItem(text: string, options: NetworkListOptions): Item {
  const plain = text.replace(/^!+/, '');
  const negated = (text.length - plain.length) % 2 === 1;
  if (isTable(plain)) return { negated, table: options.tables.open(plain) };
  if (!looksNumeric(plain)) return { negated, host: plain.toLowerCase() };
  const network = parseNetwork(plain);
  if (typeof network === 'string') throw new Error(network);
  return { negated, network };
}

interface Client {
  readonly ip: string;
  readonly address: Address;
  readonly name: string;
}

/** Stays synchronous unless a table returns a promise. */
function matchFrom(
  start: number,
  items: readonly Item[],
  client: Client,
  options: NetworkListOptions,
): boolean | Promise<boolean> {
  for (let i = start; i < items.length; i += 1) {
    const item = items[i];
    if (item === undefined) break;
    if (item.table === undefined) {
      if (matchesHere(item, client, options)) return !item.negated;
      continue;
    }
    const found = item.table.get(client.ip);
    if (found instanceof Promise)
      return found.then((value) => (value === undefined ? matchFrom(i + 1, items, client, options) : !item.negated));
    if (found !== undefined) return !item.negated;
  }
  return false;
}

function matchesHere(item: Item, client: Client, options: NetworkListOptions): boolean {
  if (item.network !== undefined) return inNetwork(client.address, item.network);
  const host = item.host ?? '';
  if (host.startsWith('.')) return client.name.endsWith(host);
  return client.name === host || (options.parentMatches === true && client.name.endsWith(`.${host}`));
}
