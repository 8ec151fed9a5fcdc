/**
 * Version 2: a signature of 12 octets, version and command, family and transport, the length of the rest, the addresses
 * and ports of client and server, and more values (TLVs), which are skipped.
 */
import ipaddr from 'ipaddr.js';
import type { ProxyEnd, ProxyHeader } from './header.ts';

/** Octets before the addresses. */
const FIXED = 16;
/** Octets after those. The values of HAProxy (a client's certificate among them) have some hundred. */
const LONGEST_REST = 4096;
const VERSION = 0x20;
const LOCAL = VERSION;
const PROXY = VERSION | 1;
const PORT_OCTETS = 2;

/** Octets of an address, by family and transport: TCP alone. */
const ADDRESS_OCTETS: ReadonlyMap<number, number> = new Map([
  [0x11, 4],
  [0x21, 16],
]);

/** As decodeProxyHeader, for octets that begin with the signature. */
export function decodeVersion2(octets: Buffer): ProxyHeader | null | string {
  if (octets.length < FIXED) return null;
  const command = octets.readUInt8(12);
  const family = octets.readUInt8(13);
  const rest = octets.readUInt16BE(14);
  if ((command & 0xf0) !== VERSION) return 'a PROXY header of another version than 1 and 2';
  if (command !== LOCAL && command !== PROXY) return 'a PROXY header with an unknown command';
  if (rest > LONGEST_REST) return `a PROXY header of more than ${FIXED + LONGEST_REST} octets`;
  // A proxy that speaks for itself may send any addresses: they do not count.
  const width = command === LOCAL ? 0 : ADDRESS_OCTETS.get(family);
  if (width === undefined) return 'a PROXY header for another protocol than TCP over IPv4 and IPv6';
  if (width > 0 && rest < 2 * (width + PORT_OCTETS)) return 'a PROXY header that is too short';
  const length = FIXED + rest;
  if (octets.length < length) return null;
  return { length, ends: width === 0 ? null : endsOf(octets.subarray(FIXED, length), width) };
}

function endsOf(body: Buffer, width: number): ProxyHeader['ends'] {
  const end = (index: number): ProxyEnd => ({
    ip: addressOf(body.subarray(index * width, (index + 1) * width)),
    port: body.readUInt16BE(2 * width + PORT_OCTETS * index),
  });
  return { remote: end(0), local: end(1) };
}

const addressOf = (octets: Buffer): string => ipaddr.process(ipaddr.fromByteArray([...octets]).toString()).toString();
