/** Fields of the DNSSEC types (RFC 4034, RFC 5155): type bitmaps, salts, hashed owner names, algorithm names. */

import { near } from '../presentation.ts';
import { WireError } from '../wire.ts';
import { type Field, mnemonic } from './field.ts';

/** Names of security algorithms (IANA registry, RFC 4034 appendix A.1). */
const ALGORITHMS: ReadonlyMap<string, number> = new Map([
  ['RSAMD5', 1],
  ['DH', 2],
  ['DSA', 3],
  ['RSASHA1', 5],
  ['NSEC3DSA', 6],
  ['NSEC3RSASHA1', 7],
  ['RSASHA256', 8],
  ['RSASHA512', 10],
  ['ECCGOST', 12],
  ['ECDSAP256SHA256', 13],
  ['ECDSAP384SHA384', 14],
  ['ED25519', 15],
  ['ED448', 16],
  ['INDIRECT', 252],
  ['PRIVATEDNS', 253],
  ['PRIVATEOID', 254],
]);

const EXPECTED_ALGORITHM = 'an algorithm such as 13 or ECDSAP256SHA256';
export const algorithm: Field = mnemonic(8, ALGORITHMS, EXPECTED_ALGORITHM);
/** CERT shows the algorithm's name, the other types its number. */
export const namedAlgorithm: Field = mnemonic(8, ALGORITHMS, EXPECTED_ALGORITHM, true);

export const digestType: Field = mnemonic(
  8,
  new Map([
    ['SHA-1', 1],
    ['SHA1', 1],
    ['SHA-256', 2],
    ['SHA256', 2],
    ['GOST', 3],
    ['SHA-384', 4],
    ['SHA384', 4],
  ]),
  'a digest type such as 2 or SHA-256',
);

export const certificateType: Field = mnemonic(
  16,
  new Map([
    ['PKIX', 1],
    ['SPKI', 2],
    ['PGP', 3],
    ['IPKIX', 4],
    ['ISPKI', 5],
    ['IPGP', 6],
    ['ACPKIX', 7],
    ['IACPKIX', 8],
    ['URI', 253],
    ['OID', 254],
  ]),
  'a certificate type such as PKIX',
  true,
);

/** How types are named; given by the table, which these rows are part of. */
export interface TypeNames {
  number(name: string): number | null;
  name(number: number): string;
}

export const coveredType = (types: TypeNames): Field => ({
  parse(tokens, out) {
    const token = tokens.next('a record type');
    const number = types.number(token.text);
    if (number === null) throw near(token, 'unknown RR type', 'a record type such as A');
    out.u16(number);
  },
  print: (data) => types.name(data.u16()),
  copy: (message, out) => out.u16(message.u16()),
});

/** Windows of types, ascending (RFC 4034 section 4.1.2). */
export const typeBitmap = (types: TypeNames): Field => ({
  parse(tokens, out) {
    const windows = new Map<number, number[]>();
    for (const token of tokens.rest()) {
      const number = types.number(token.text);
      if (number === null || number === 0) throw near(token, 'unknown RR type', 'record types such as A MX RRSIG');
      const bits = windows.get(number >> 8) ?? [];
      const octet = (number & 0xff) >> 3;
      while (bits.length <= octet) bits.push(0);
      bits[octet] = (bits[octet] ?? 0) | (0x80 >> (number & 7));
      windows.set(number >> 8, bits);
    }
    for (const [window, bits] of [...windows].sort(([a], [b]) => a - b)) out.bytes([window, bits.length, ...bits]);
  },
  print(data) {
    const names: string[] = [];
    while (data.left > 0) {
      const window = data.u8();
      for (const [i, octet] of data.bytes(data.u8()).entries()) {
        for (let bit = 0; bit < 8; bit += 1) if (octet & (0x80 >> bit)) names.push(types.name((window << 8) | (i << 3) | bit));
      }
    }
    return names.join(' ');
  },
  copy(message, out) {
    let last = -1;
    while (message.left > 0) {
      const window = message.u8();
      const length = message.u8();
      const bits = message.bytes(length);
      if (window <= last || length === 0 || length > 32 || bits[length - 1] === 0) throw new WireError('a bad type bitmap');
      out.bytes([window, length]);
      out.bytes(bits);
      last = window;
    }
  },
});

/** NSEC3 salt: hexadecimal, `-` for none. */
export const salt: Field = {
  parse(tokens, out) {
    const token = tokens.next('a salt in hexadecimal digits, or -');
    const hex = token.text === '-' ? '' : token.text;
    if (hex.length % 2 !== 0 || hex.length > 510 || !/^[0-9a-fA-F]*$/.test(hex)) throw near(token, 'bad hex encoding', 'a salt in hexadecimal digits, or -');
    out.u8(hex.length / 2);
    out.bytes(Buffer.from(hex, 'hex'));
  },
  print: (data) => Buffer.from(data.bytes(data.u8())).toString('hex').toUpperCase() || '-',
  copy(message, out) {
    const length = message.u8();
    out.u8(length);
    out.bytes(message.bytes(length));
  },
};

const BASE32_HEX = '0123456789ABCDEFGHIJKLMNOPQRSTUV';

/** NSEC3's next hashed owner: base32hex without padding (RFC 5155 section 3.3). */
export const hashedName: Field = {
  parse(tokens, out) {
    const token = tokens.next('a hashed name in base32hex');
    const octets: number[] = [];
    let bits = 0;
    let held = 0;
    for (const char of token.text.toUpperCase()) {
      const value = BASE32_HEX.indexOf(char);
      if (value < 0) throw near(token, 'bad base32hex encoding', 'a hashed name in base32hex');
      held = ((held << 5) | value) & 0xfff;
      bits += 5;
      if (bits >= 8) {
        bits -= 8;
        octets.push((held >> bits) & 0xff);
      }
    }
    if (octets.length === 0 || octets.length > 255) throw near(token, 'bad base32hex encoding', 'a hashed name in base32hex');
    out.u8(octets.length);
    out.bytes(octets);
  },
  print(data) {
    let text = '';
    let bits = 0;
    let held = 0;
    for (const octet of data.bytes(data.u8())) {
      held = ((held << 8) | octet) & 0xfff;
      bits += 8;
      while (bits >= 5) {
        bits -= 5;
        text += BASE32_HEX.charAt((held >> bits) & 31);
      }
    }
    return bits > 0 ? text + BASE32_HEX.charAt((held << (5 - bits)) & 31) : text;
  },
  copy(message, out) {
    const length = message.u8();
    if (length === 0) throw new WireError('an empty hashed name');
    out.u8(length);
    out.bytes(message.bytes(length));
  },
};
