/**
 * The fields of record data: each converts between presentation format and octets.
 *
 * Record data is stored as uncompressed wire octets throughout the server; a field parses them from
 * text, prints them, and copies them from a message (checking them and decompressing names).
 */

import { type DomainName, formatIp6, parseIp4, parseIp6 } from '../name.ts';
import { near, octetsOf, PresentationError, parseTtl, quote, type Token, type Tokens } from '../presentation.ts';
import { WireError, type WireReader, type WireWriter } from '../wire.ts';

export interface Field {
  /** From tokens of a zone file to octets. Throws PresentationError. */
  parse(tokens: Tokens, out: WireWriter): void;
  /** From octets to text; '' if an optional field is absent. */
  print(data: WireReader): string;
  /** From the octets of a message to uncompressed octets. Throws WireError. */
  copy(message: WireReader, out: WireWriter): void;
  /** The name in this field may be compressed in messages (RFC 3597 section 4: only in the types of RFC 1035). */
  readonly compressible?: true;
}

const name = (expected: string, compressible: boolean): Field => ({
  parse: (tokens, out) => out.name(tokens.domain(expected)),
  print: (data) => data.name(),
  copy: (message, out) => out.name(message.name()),
  ...(compressible ? { compressible: true as const } : {}),
});

/** A domain name; `rfc1035Name` may be compressed. */
export const rfc1035Name = (expected = 'a domain name'): Field => name(expected, true);
export const domainName = (expected = 'a domain name'): Field => name(expected, false);

const copyBytes =
  (count: number): Field['copy'] =>
  (message, out) =>
    out.bytes(message.bytes(count));

export const u8 = (expected = 'a number up to 255'): Field => ({
  parse: (tokens, out) => out.u8(tokens.number(0xff, expected)),
  print: (data) => String(data.u8()),
  copy: copyBytes(1),
});

export const u16 = (expected = 'a number up to 65535'): Field => ({
  parse: (tokens, out) => out.u16(tokens.number(0xffff, expected)),
  print: (data) => String(data.u16()),
  copy: copyBytes(2),
});

export const u32 = (expected = 'a number up to 4294967295'): Field => ({
  parse: (tokens, out) => out.u32(tokens.number(0xffffffff, expected)),
  print: (data) => String(data.u32()),
  copy: copyBytes(4),
});

/** Seconds; in text, units are allowed. */
export const seconds = (expected: string): Field => ({
  parse(tokens, out) {
    const token = tokens.next(expected);
    const value = parseTtl(token.text);
    if (value === null) throw near(token, 'not a valid time', expected);
    if (value > 0xffffffff) throw near(token, 'out of range: at most 4294967295 seconds', expected);
    out.u32(value);
  },
  print: (data) => String(data.u32()),
  copy: copyBytes(4),
});

export const ip4: Field = {
  parse(tokens, out) {
    const token = tokens.next('an IPv4 address such as 192.0.2.1');
    const octets = parseIp4(token.text);
    if (octets === null) throw near(token, 'bad dotted quad', 'an IPv4 address such as 192.0.2.1');
    out.bytes(octets);
  },
  print: (data) => data.bytes(4).join('.'),
  copy: copyBytes(4),
};

export const ip6: Field = {
  parse(tokens, out) {
    const token = tokens.next('an IPv6 address such as 2001:db8::1');
    const octets = parseIp6(token.text);
    if (octets === null) throw near(token, 'bad IPv6 address', 'an IPv6 address such as 2001:db8::1');
    out.bytes(octets);
  },
  print: (data) => formatIp6(data.bytes(16)),
  copy: copyBytes(16),
};

function writeText(octets: ArrayLike<number>, out: WireWriter): void {
  if (octets.length > 255)
    throw new PresentationError('a text over 255 octets: split it into several quoted texts, "…" "…"');
  out.u8(octets.length);
  out.bytes(octets);
}

/** A <character-string>. */
export const text = (expected = 'a text in quotes'): Field => ({
  parse: (tokens, out) => writeText(octetsOf(tokens.next(expected)), out),
  print: (data) => quote(data.bytes(data.u8())),
  copy(message, out) {
    const length = message.u8();
    out.u8(length);
    out.bytes(message.bytes(length));
  },
});

const X25_NUMBER = /^[0-9]{4,255}$/;

/** An X.25 number (RFC 1183 section 3.1): at least four digits. */
export const digits: Field = {
  ...text(),
  parse(tokens, out) {
    const token = tokens.next('an X.25 number of four digits or more');
    if (!X25_NUMBER.test(token.text)) throw near(token, 'out of range', 'an X.25 number of four digits or more');
    writeText(octetsOf(token), out);
  },
  copy(message, out) {
    const octets = message.bytes(message.u8());
    if (!X25_NUMBER.test(Buffer.from(octets).toString('latin1'))) throw new WireError('not an X.25 number');
    writeText(octets, out);
  },
};

/** One or more <character-string>s, to the end. */
export const texts: Field = {
  parse(tokens, out) {
    do text('at least one text in quotes').parse(tokens, out);
    while (!tokens.atEnd);
  },
  print(data) {
    const printed: string[] = [];
    while (data.left > 0) printed.push(quote(data.bytes(data.u8())));
    return printed.join(' ');
  },
  copy(message, out) {
    do text().copy(message, out);
    while (message.left > 0);
  },
};

/** A text without a length octet, to the end (CAA value). */
export const restText = (expected: string): Field => ({
  parse: (tokens, out) => out.bytes(octetsOf(tokens.next(expected))),
  print: (data) => quote(data.rest()),
  copy: (message, out) => out.bytes(message.rest()),
});

/** The same, with mandatory quotes (URI target). */
export const quotedRestText = (expected: string): Field => ({
  ...restText(expected),
  parse(tokens, out) {
    const token = tokens.next(expected);
    if (!token.quoted) throw near(token, 'syntax error', expected);
    out.bytes(octetsOf(token));
  },
});

/** A CAA tag: letters and digits (RFC 8659 section 4.1). */
export const tag: Field = {
  parse(tokens, out) {
    const token = tokens.next('a tag such as issue, issuewild or iodef');
    if (!/^[0-9a-zA-Z]{1,255}$/.test(token.text))
      throw near(token, 'bad tag', 'letters and digits such as issue, issuewild or iodef');
    writeText(octetsOf(token), out);
  },
  print: (data) => Buffer.from(data.bytes(data.u8())).toString('latin1'),
  copy(message, out) {
    const octets = message.bytes(message.u8());
    if (octets.length === 0 || !/^[0-9a-zA-Z]+$/.test(Buffer.from(octets).toString('latin1')))
      throw new WireError('an invalid CAA tag');
    writeText(octets, out);
  },
};

/** Decodes base64. Throws PresentationError at `token`. */
export function base64Octets(text: string, token: Token): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw near(token, 'bad base64 encoding', 'base64');
  return Buffer.from(text, 'base64');
}

/** Base64 in any number of tokens, to the end. */
export const base64Rest: Field = {
  parse(tokens, out) {
    const first = tokens.next('base64');
    const joined = [first, ...tokens.rest()].map((token) => token.text).join('');
    out.bytes(base64Octets(joined, first));
  },
  print: (data) => Buffer.from(data.rest()).toString('base64'),
  copy(message, out) {
    if (message.left === 0) throw new WireError('key data is missing');
    out.bytes(message.rest());
  },
};

/** Hexadecimal in any number of tokens, to the end. */
export const hexRest: Field = {
  parse: (tokens, out) => out.bytes(hexOctets(tokens)),
  print: (data) => Buffer.from(data.rest()).toString('hex').toUpperCase(),
  copy(message, out) {
    if (message.left === 0) throw new WireError('digest data is missing');
    out.bytes(message.rest());
  },
};

/** Decodes the hexadecimal digits in all remaining tokens; at least one octet. */
export function hexOctets(tokens: Tokens): Buffer {
  const first = tokens.next('hexadecimal digits');
  const joined = [first, ...tokens.rest()].map((token) => token.text).join('');
  if (joined.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(joined))
    throw near(first, 'bad hex encoding', 'an even number of hexadecimal digits');
  return Buffer.from(joined, 'hex');
}

/** A field that may be omitted at the end; if absent, it has no octets. */
export const optional = (field: Field): Field => ({
  parse: (tokens, out) => (tokens.atEnd ? undefined : field.parse(tokens, out)),
  print: (data) => (data.left === 0 ? '' : field.print(data)),
  copy: (message, out) => (message.left === 0 ? undefined : field.copy(message, out)),
});

/** `\# length hex` (RFC 3597 section 5). */
export const printUnknown = (rdata: Uint8Array): string =>
  rdata.length === 0 ? '\\# 0' : `\\# ${rdata.length} ${Buffer.from(rdata).toString('hex').toUpperCase()}`;

/** For named types without a presentation format: their data is only written in the format of RFC 3597. */
export const opaque: Field = {
  parse(tokens) {
    throw near(
      tokens.next('\\# length hex'),
      'syntax error',
      '\\# length hex (RFC 3597), as this type has no other form',
    );
  },
  print: (data) => printUnknown(data.rest()),
  copy: (message, out) => out.bytes(message.rest()),
};

/** A number with names: accepts the name or the number; `print` decides which is printed. */
export const mnemonic = (
  size: 8 | 16,
  names: ReadonlyMap<string, number>,
  expected: string,
  printNames = false,
): Field => {
  const byNumber = new Map([...names].map(([word, number]) => [number, word]));
  const number = size === 8 ? u8(expected) : u16(expected);
  return {
    ...number,
    parse(tokens, out) {
      const known = names.get(tokens.peek()?.text.toUpperCase() ?? '');
      if (known === undefined) {
        number.parse(tokens, out);
        return;
      }
      tokens.next(expected);
      if (size === 8) out.u8(known);
      else out.u16(known);
    },
    print(data) {
      const value = size === 8 ? data.u8() : data.u16();
      return (printNames ? byNumber.get(value) : undefined) ?? String(value);
    },
  };
};

/** A time as YYYYMMDDHHmmSS in UTC; on the wire modulo 2^32 seconds (RFC 4034 section 3.2). */
export const moment: Field = {
  parse(tokens, out) {
    const expected = 'a time as YYYYMMDDHHmmSS';
    const token = tokens.next(expected);
    if (/^[0-9]{1,10}$/.test(token.text) && Number(token.text) <= 0xffffffff) {
      out.u32(Number(token.text));
      return;
    }
    const parts = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/.exec(token.text);
    if (parts === null) throw near(token, 'bad time', expected);
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1).map(Number);
    if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60)
      throw near(token, 'bad time', expected);
    out.u32((Date.UTC(year, month - 1, day, hour, minute, second) / 1000) % 0x100000000);
  },
  print: (data) => new Date(data.u32() * 1000).toISOString().replace(/[-:T]|\.\d+Z/g, ''),
  copy: copyBytes(4),
};

/** Octets in hexadecimal, in groups of four or two digits, as in EUI48 (`-`, 1) and NID (`:`, 2). */
export const groups = (count: number, octets: 1 | 2, separator: '-' | ':'): Field => {
  const expected = `${count} groups of hexadecimal digits with ${separator} between them`;
  return {
    parse(tokens, out) {
      const token = tokens.next(expected);
      const words = token.text.split(separator);
      const pattern = octets === 1 ? /^[0-9a-fA-F]{2}$/ : /^[0-9a-fA-F]{1,4}$/;
      if (words.length !== count || !words.every((word) => pattern.test(word)))
        throw near(token, 'syntax error', expected);
      for (const word of words) (octets === 1 ? out.u8 : out.u16).call(out, Number.parseInt(word, 16));
    },
    print: (data) =>
      Array.from({ length: count }, () =>
        octets === 1 ? data.u8().toString(16).padStart(2, '0') : data.u16().toString(16),
      ).join(separator),
    copy: copyBytes(count * octets),
  };
};

/** Reads the name after `skip` octets of record data, for additional section processing. */
export function nameAt(data: WireReader, skip: number): DomainName {
  data.bytes(skip);
  return data.name();
}

/** Sets bit `number`, counted from the most significant bit of the first octet, as in record bitmaps. */
export function setBit(bits: number[], number: number): void {
  const octet = number >> 3;
  while (bits.length <= octet) bits.push(0);
  bits[octet] = (bits[octet] ?? 0) | (0x80 >> (number & 7));
}

/** The numbers of the set bits, ascending. */
export function setBits(bits: Uint8Array): number[] {
  const numbers: number[] = [];
  for (const [i, octet] of bits.entries())
    for (let bit = 0; bit < 8; bit += 1) if (octet & (0x80 >> bit)) numbers.push((i << 3) | bit);
  return numbers;
}
