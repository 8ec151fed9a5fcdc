/** Types whose data contains address prefixes: APL (RFC 3123) and A6 (RFC 2874). */

import { formatIp6, parseIp4, parseIp6 } from '../name.ts';
import { near, type Token } from '../presentation.ts';
import { WireError } from '../wire.ts';
import { domainName, type Field, printUnknown } from './field.ts';

const FAMILIES: ReadonlyMap<
  number,
  { readonly size: number; parse(text: string): number[] | null; print(octets: Uint8Array): string }
> = new Map([
  [1, { size: 4, parse: parseIp4, print: (octets: Uint8Array) => octets.join('.') }],
  [2, { size: 16, parse: parseIp6, print: formatIp6 }],
]);

const EXPECTED_ITEM = 'a prefix such as 1:192.0.2.0/24 or !2:2001:db8::/32';
const NEGATED = 0x80;

/** `[!]family:address/prefix`; trailing zero octets of the address are omitted (RFC 3123 section 4). */
function itemOctets(token: Token): readonly number[] {
  const [, negation, number, address = '', length] = /^(!?)([0-9]{1,5}):([^/]*)\/([0-9]{1,3})$/.exec(token.text) ?? [];
  const family = FAMILIES.get(Number(number));
  const octets = family?.parse(address) ?? null;
  if (family === undefined || octets === null || Number(length) > family.size * 8)
    throw near(token, 'syntax error', EXPECTED_ITEM);
  while (octets.at(-1) === 0) octets.pop();
  return [0, Number(number), Number(length), (negation === '!' ? NEGATED : 0) | octets.length, ...octets];
}

/** Any number of prefixes, possibly none. Unknown families are kept, and printed in the format of RFC 3597. */
export const prefixList: Field = {
  parse(tokens, out) {
    for (const token of tokens.rest()) out.bytes(itemOctets(token));
  },
  print(data) {
    const start = data.offset;
    const items: string[] = [];
    while (data.left > 0) {
      const number = data.u16();
      const prefix = data.u8();
      const octet = data.u8();
      const octets = data.bytes(octet & ~NEGATED);
      const family = FAMILIES.get(number);
      if (family === undefined) {
        data.rest();
        return printUnknown(data.octets.subarray(start, data.offset));
      }
      const whole = new Uint8Array(family.size);
      whole.set(octets);
      items.push(`${octet & NEGATED ? '!' : ''}${number}:${family.print(whole)}/${prefix}`);
    }
    return items.join(' ');
  },
  copy(message, out) {
    while (message.left > 0) {
      const number = message.u16();
      const prefix = message.u8();
      const octet = message.u8();
      const length = octet & ~NEGATED;
      const octets = message.bytes(length);
      const size = FAMILIES.get(number)?.size;
      if (size !== undefined && (length > size || prefix > size * 8 || octets[length - 1] === 0))
        throw new WireError('a bad address prefix');
      out.u16(number);
      out.bytes([prefix, octet]);
      out.bytes(octets);
    }
  },
};

const ADDRESS_SIZE = 16;
const next = domainName('the name that has the rest of the address');

/** The number of address octets present: those after the prefix. */
const suffixSize = (prefix: number): number => ADDRESS_SIZE - (prefix >> 3);

/** Clears the bits of the first octet that are part of the prefix. */
const cleared = (octets: Uint8Array, prefix: number): Uint8Array =>
  octets.map((octet, i) => (i === 0 ? octet & (0xff >> (prefix & 7)) : octet));

/** Prefix length, address suffix (none for 128), and a name (none for 0). */
export const addressSuffix: Field = {
  parse(tokens, out) {
    const token = tokens.peek();
    const prefix = tokens.number(0xff, 'a prefix length from 0 to 128');
    if (token !== undefined && prefix > 128) throw near(token, 'out of range', 'a prefix length from 0 to 128');
    out.u8(prefix);
    if (prefix < 128) {
      const address = tokens.next('an IPv6 address');
      const octets = parseIp6(address.text);
      if (octets === null) throw near(address, 'bad IPv6 address', 'an IPv6 address such as ::1');
      out.bytes(cleared(Uint8Array.from(octets.slice(prefix >> 3)), prefix));
    }
    if (prefix > 0) next.parse(tokens, out);
  },
  print(data) {
    const prefix = data.u8();
    const whole = new Uint8Array(ADDRESS_SIZE);
    if (prefix < 128) whole.set(data.bytes(suffixSize(prefix)), prefix >> 3);
    return [
      String(prefix),
      ...(prefix < 128 ? [formatIp6(whole)] : []),
      ...(prefix > 0 ? [next.print(data)] : []),
    ].join(' ');
  },
  copy(message, out) {
    const prefix = message.u8();
    if (prefix > 128) throw new WireError('a bad prefix length');
    out.u8(prefix);
    if (prefix < 128) {
      const octets = message.bytes(suffixSize(prefix));
      if (prefix & 7 && ((octets[0] ?? 0) & ~(0xff >> (prefix & 7))) !== 0)
        throw new WireError('bits of the prefix in the suffix');
      out.bytes(octets);
    }
    if (prefix > 0) next.copy(message, out);
  },
};
