/** Version 1: `PROXY TCP4 192.0.2.7 198.51.100.1 51234 25` and CRLF, client before server. */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { ProxyEnd, ProxyHeader } from './header.ts';

/** The longest line of the specification, with its CRLF. */
const LONGEST = 107;

const FAMILIES: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['TCP4', isIPv4],
  // The zone of a link-local address means nothing on another machine.
  ['TCP6', (text) => isIPv6(text) && !text.includes('%')],
]);

/** As decodeProxyHeader, for octets that begin with `PROXY `. */
export function decodeVersion1(octets: Buffer): ProxyHeader | null | string {
  const line = octets.subarray(0, LONGEST);
  const end = line.indexOf('\r\n');
  if (end < 0) return line.length < LONGEST ? null : `a PROXY header of more than ${LONGEST} octets`;
  const length = end + 2;
  const [, family = '', ...values] = line.toString('latin1', 0, end).split(' ');
  // Whatever comes after it is to be ignored.
  if (family === 'UNKNOWN') return { length, ends: null, isUnknown: true };
  const isAddress = FAMILIES.get(family);
  if (isAddress === undefined) return 'a PROXY header for another protocol than TCP4 and TCP6';
  const [source = '', destination = '', sourcePort = '', destinationPort = '', ...more] = values;
  if (more.length > 0 || ![source, destination].every(isAddress) || ![sourcePort, destinationPort].every(isPort))
    return 'a PROXY header with a faulty address or port';
  return { length, ends: { remote: endOf(source, sourcePort), local: endOf(destination, destinationPort) } };
}

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

const endOf = (address: string, port: string): ProxyEnd => ({
  ip: ipaddr.process(address).toString(),
  port: Number(port),
});
