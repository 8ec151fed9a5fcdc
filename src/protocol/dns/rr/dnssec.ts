/** Fields of the DNSSEC types (RFC 4034, RFC 5155): type bitmaps, salts, hashed owner names, algorithm names. */

import { near, PresentationError, type Token } from '../presentation.ts';
import { WireError } from '../wire.ts';
import { base64Rest, type Field, hexOctets, mnemonic, setBit, setBits, u8 } from './field.ts';

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
/** CERT prints the algorithm's name, other types its number. */
export const namedAlgorithm: Field = mnemonic(8, ALGORITHMS, EXPECTED_ALGORITHM, true);

const digestType: Field = mnemonic(
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

/**
 * A number and a digest of that type, to the end of the data. A known digest length is enforced in zone files
 * and messages (as in BIND): with a shorter digest a validator would treat the zone as bogus.
 */
const digestOf = (kind: Field, lengths: ReadonlyMap<number, number>, least = 1): Field => {
  const problem = (number: number, length: number): string | null => {
    const known = lengths.get(number);
    if (known === undefined ? length >= least : length === known) return null;
    return `a digest of ${length} octets; type ${number} requires ${known ?? `${least} or more`}`;
  };
  return {
    parse(tokens, out) {
      const at = out.offset;
      kind.parse(tokens, out);
      const number = out.finish()[at] ?? 0;
      const token = tokens.peek();
      const octets = hexOctets(tokens);
      const wrong = problem(number, octets.length);
      if (wrong !== null) throw new PresentationError(`near '${token?.text.slice(0, 64)}': ${wrong}`, token?.line);
      out.bytes(octets);
    },
    print: (data) => `${kind.print(data)} ${Buffer.from(data.rest()).toString('hex').toUpperCase()}`,
    copy(message, out) {
      const number = message.u8();
      const octets = message.rest();
      if (problem(number, octets.length) !== null) throw new WireError('a digest of the wrong length');
      out.u8(number);
      out.bytes(octets);
    },
  };
};

const SHA1 = 20;
const SHA256 = 32;
const SHA384 = 48;
const SHA512 = 64;

/** Digest type and digest of DS, CDS, DLV and TA (IANA: DS digest algorithms). */
export const keyDigest: Field = digestOf(
  digestType,
  new Map([
    [1, SHA1],
    [2, SHA256],
    [3, SHA256],
    [4, SHA384],
  ]),
);
/** Fingerprint type and fingerprint of SSHFP (RFC 4255, RFC 6594). */
export const fingerprint: Field = digestOf(
  u8('a fingerprint type'),
  new Map([
    [1, SHA1],
    [2, SHA256],
  ]),
);
/** Hash algorithm and digest of ZONEMD (RFC 8976 section 2.2): at least 12 octets for an unknown hash. */
export const zoneDigest: Field = digestOf(
  u8('a hash algorithm'),
  new Map([
    [1, SHA384],
    [2, SHA512],
  ]),
  12,
);

/** Names of the flags of KEY and DNSKEY, joined by `|` (RFC 2535 section 7.1). */
const KEY_FLAGS: ReadonlyMap<string, number> = new Map([
  ['NOCONF', 0x4000],
  ['NOAUTH', 0x8000],
  ['NOKEY', 0xc000],
  ['FLAG2', 0x2000],
  ['EXTEND', 0x1000],
  ['FLAG4', 0x0800],
  ['FLAG5', 0x0400],
  ['USER', 0],
  ['ZONE', 0x0100],
  ['HOST', 0x0200],
  ['NTYP3', 0x0300],
  ['FLAG8', 0x0080],
  ['FLAG9', 0x0040],
  ['FLAG10', 0x0020],
  ['FLAG11', 0x0010],
  ...Array.from({ length: 16 }, (_, i): readonly [string, number] => [`SIG${i}`, i]),
]);
/** The flags of a KEY record that means "no key" (RFC 2535 section 3.1.2). */
const NO_KEY = 0xc000;

function keyFlags(token: Token): number {
  const text = token.text.toUpperCase();
  if (/^(?:[0-9]{1,5}|0X[0-9A-F]{1,4})$/.test(text) && Number(text) <= 0xffff) return Number(text);
  const bits = text.split('|').map((word) => KEY_FLAGS.get(word));
  let flags = 0;
  for (const bit of bits) {
    if (bit === undefined) throw near(token, 'unknown flag', 'key flags such as 256 or 257');
    flags |= bit;
  }
  return flags;
}

const protocol: Field = mnemonic(
  8,
  new Map([
    ['NONE', 0],
    ['TLS', 1],
    ['EMAIL', 2],
    ['DNSSEC', 3],
    ['IPSEC', 4],
    ['ALL', 255],
  ]),
  'a protocol, 3 for DNSSEC',
);

/** Flags, protocol, algorithm and key. */
const keyData = (allowed: (flags: number) => boolean, lacksKey: (flags: number) => boolean): Field => ({
  parse(tokens, out) {
    const token = tokens.next('key flags such as 256 or 257');
    const flags = keyFlags(token);
    if (!allowed(flags)) throw near(token, 'FORMERR', 'flags of 0');
    out.u16(flags);
    protocol.parse(tokens, out);
    algorithm.parse(tokens, out);
    if (!lacksKey(flags)) base64Rest.parse(tokens, out);
  },
  print(data) {
    const fields = [data.u16(), data.u8(), data.u8()].join(' ');
    return data.left === 0 ? fields : `${fields} ${base64Rest.print(data)}`;
  },
  copy(message, out) {
    const flags = message.u16();
    if (!allowed(flags)) throw new WireError('key flags that are not allowed');
    out.u16(flags);
    out.bytes(message.bytes(2));
    if (!lacksKey(flags)) base64Rest.copy(message, out);
  },
});

export const keyRecord: Field = keyData(
  () => true,
  (flags) => (flags & NO_KEY) === NO_KEY,
);
/** For DNSKEY and CDNSKEY, which always contain a key (RFC 4034 section 2.1). */
export const zoneKey: Field = keyData(
  () => true,
  () => false,
);
/** RKEY's flags are reserved, and BIND accepts only 0. */
export const reservedKey: Field = keyData(
  (flags) => flags === 0,
  () => false,
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

/** Conversion of type names; passed in by the table, which contains these rows. */
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

/** Windows of types, ascending (RFC 4034 section 4.1.2); `least` is 1 for NSEC, which always lists itself. */
export const typeBitmap = (types: TypeNames, least: 0 | 1 = 0): Field => ({
  parse(tokens, out) {
    if (least > 0 && tokens.atEnd)
      throw new PresentationError('near eol: FORMERR, expected record types such as A MX RRSIG');
    const windows = new Map<number, number[]>();
    for (const token of tokens.rest()) {
      const number = types.number(token.text);
      if (number === null) throw near(token, 'unknown RR type', 'record types such as A MX RRSIG');
      const bits = windows.get(number >> 8) ?? [];
      setBit(bits, number & 0xff);
      windows.set(number >> 8, bits);
    }
    for (const [window, bits] of [...windows].sort(([a], [b]) => a - b)) out.bytes([window, bits.length, ...bits]);
  },
  print(data) {
    const names: string[] = [];
    while (data.left > 0) {
      const window = data.u8();
      for (const bit of setBits(data.bytes(data.u8()))) names.push(types.name((window << 8) | bit));
    }
    return names.join(' ');
  },
  copy(message, out) {
    let last = -1;
    if (message.left === 0 && least > 0) throw new WireError('an empty type bitmap');
    while (message.left > 0) {
      const window = message.u8();
      const length = message.u8();
      const bits = message.bytes(length);
      if (window <= last || length === 0 || length > 32 || bits[length - 1] === 0)
        throw new WireError('a bad type bitmap');
      out.bytes([window, length]);
      out.bytes(bits);
      last = window;
    }
  },
});

/** NXT's bitmap, one bit per type below 128 (RFC 2535 section 5.2). */
export const typeBits = (types: TypeNames): Field => ({
  parse(tokens, out) {
    const bits: number[] = [];
    for (const token of tokens.rest()) {
      const number = types.number(token.text);
      if (number === null || number < 1 || number > 127)
        throw near(token, 'out of range', 'record types with numbers from 1 to 127');
      setBit(bits, number);
    }
    out.bytes(bits);
  },
  print: (data) =>
    setBits(data.rest())
      .map((number) => types.name(number))
      .join(' '),
  copy(message, out) {
    const bits = message.rest();
    if (bits.length > 16 || bits[bits.length - 1] === 0 || ((bits[0] ?? 0) & 0x80) !== 0)
      throw new WireError('bad NXT bits');
    out.bytes(bits);
  },
});

/** NSEC3 salt: hexadecimal, `-` for none. */
export const salt: Field = {
  parse(tokens, out) {
    const token = tokens.next('a salt in hexadecimal digits, or -');
    const hex = token.text === '-' ? '' : token.text;
    if (hex.length % 2 !== 0 || hex.length > 510 || !/^[0-9a-fA-F]*$/.test(hex))
      throw near(token, 'bad hex encoding', 'a salt in hexadecimal digits, or -');
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
    if (octets.length === 0 || octets.length > 255)
      throw near(token, 'bad base32hex encoding', 'a hashed name in base32hex');
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
