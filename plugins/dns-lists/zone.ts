/**
 * A DNS list as written after `reject_rbl_client`: `zone` or `zone=127.0.0.[2..4]`, the names to query (RFC 5782
 * section 2), and which answers count.
 */

import { parseAddress } from '../../src/lookup/network.ts';
import { domainOf } from '../../src/mail/address.ts';

export interface Zone {
  /** In lower case, without a trailing dot. */
  readonly name: string;
  /** Whether an A record of the list matches the configured pattern. */
  readonly counts: (address: string) => boolean;
}

/** Null if the text after `=` is not a valid pattern. */
export function parseZone(text: string): Zone | null {
  const equals = text.indexOf('=');
  const name = (equals < 0 ? text : text.slice(0, equals)).toLowerCase().replace(/\.$/, '');
  const counts = equals < 0 ? () => true : parsePattern(text.slice(equals + 1));
  return counts === null || name === '' ? null : { name, counts };
}

/** Four octets, each a number or `[2;4..10]`. */
function parsePattern(text: string): ((address: string) => boolean) | null {
  const octets = text.match(/\[[^\]]*\]|[^.[\]]+/g)?.map(parseOctet) ?? [];
  if (octets.length !== 4 || !/^(?:(?:\[[\d;.]+\]|\d{1,3})(?:\.|$)){4}$/.test(text) || octets.includes(null))
    return null;
  return (address) => {
    const parts = address.split('.');
    return (
      parts.length === 4 &&
      octets.every((ranges, i) => ranges?.some(([low, high]) => Number(parts[i]) >= low && Number(parts[i]) <= high))
    );
  };
}

function parseOctet(text: string): (readonly [number, number])[] | null {
  const ranges = text
    .replace(/^\[|\]$/g, '')
    .split(';')
    .map((range) => /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(range));
  if (ranges.includes(null)) return null;
  return ranges.map((range) => [Number(range?.[1]), Number(range?.[2] ?? range?.[1])] as const);
}

/** `4.3.2.1` for 1.2.3.4; the reversed nibbles of an IPv6 address; null if the text is not an address. */
export function reversedAddress(ip: string): string | null {
  const address = parseAddress(ip);
  if (address === null) return null;
  const octets = address.toByteArray();
  const labels =
    address.kind() === 'ipv4'
      ? octets.map(String)
      : octets.flatMap((octet) => [(octet >> 4).toString(16), (octet & 15).toString(16)]);
  return labels.reverse().join('.');
}

/** The domain of an address or a host name, as used in queries to domain lists; null if there is none. */
export function listedDomain(what: string): string | null {
  const domain = (what.includes('@') ? domainOf(what) : what.toLowerCase()).replace(/\.$/, '');
  const askable = /^[\w-]+(?:\.[\w-]+)+$/.test(domain) && domain.length <= 200 && parseAddress(domain) === null;
  return askable ? domain : null;
}
