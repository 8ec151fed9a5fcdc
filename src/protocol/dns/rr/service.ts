/** Parameters of SVCB and HTTPS records (RFC 9460): key=value in text, ascending keys on the wire. */

import { formatIp6, parseIp4, parseIp6 } from '../name.ts';
import { octetsOf, PresentationError, quote, type Token } from '../presentation.ts';
import { WireError, WireReader } from '../wire.ts';
import type { Field } from './field.ts';

interface ParameterKind {
  readonly parse: (value: string) => ArrayLike<number>;
  readonly print: (data: Uint8Array) => string;
  /** Whether the octets are a valid value. */
  readonly valid: (data: Uint8Array) => boolean;
}

const KEYS = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint', 'dohpath'] as const;
const keyNumber = (text: string): number => {
  const known = (KEYS as readonly string[]).indexOf(text);
  if (known >= 0) return known;
  const number = /^key(0|[1-9][0-9]{0,4})$/.exec(text)?.[1];
  if (number === undefined || Number(number) > 65535)
    throw new PresentationError(
      `near '${text.slice(0, 40)}': unknown parameter, expected one of ${KEYS.join(', ')} or keyNNNNN`,
    );
  return Number(number);
};
/** BIND 9.18 reads dohpath but prints key7; so do we, because other programs read the files of a secondary. */
const PRINTED = KEYS.slice(0, 7);
const keyName = (number: number): string => PRINTED[number] ?? `key${number}`;
const u16pair = (value: number): number[] => [value >> 8, value & 0xff];
const pairs = (data: Uint8Array): number[] =>
  Array.from({ length: data.length >> 1 }, (_, i) => ((data[i * 2] ?? 0) << 8) | (data[i * 2 + 1] ?? 0));

/** A comma-separated list; `\,` is part of an item. */
const items = (value: string): string[] => {
  const found = value.match(/(?:\\.|[^,\\])+/gs) ?? [];
  if (found.join(',') !== value || found.length === 0) throw new PresentationError('an empty item in a list');
  return found.map((item) => item.replace(/\\(.)/gs, '$1'));
};

const addresses = (
  parse: (text: string) => number[] | null,
  size: number,
  print: (octets: Uint8Array) => string,
): ParameterKind => ({
  parse: (value) =>
    items(value).flatMap((item) => {
      const octets = parse(item);
      if (octets === null) throw new PresentationError(`near '${item.slice(0, 50)}': bad address`);
      return octets;
    }),
  print: (data) =>
    Array.from({ length: data.length / size }, (_, i) => print(data.subarray(i * size, i * size + size))).join(','),
  valid: (data) => data.length > 0 && data.length % size === 0,
});

/** A URI template of a DoH server, relative and with the variable `dns` (RFC 9461 section 5). */
const DOH_PATH = /^\/.*\{[+#./;?&]?(?:[^{},]+,)*dns(?:[:*][^{},]*)?(?:,[^{},]+)*\}/;

const opaque: ParameterKind = { parse: (value) => Buffer.from(value, 'latin1'), print: quote, valid: () => true };

const MANDATORY = 0;
const ALPN = 1;
const NO_DEFAULT_ALPN = 2;

const KINDS: Readonly<Record<number, ParameterKind>> = {
  0: {
    parse: (value) =>
      items(value)
        .map(keyNumber)
        .sort((a, b) => a - b)
        .flatMap(u16pair),
    print: (data) => pairs(data).map(keyName).join(','),
    valid: (data) => data.length > 0 && data.length % 2 === 0,
  },
  1: {
    parse: (value) => items(value).flatMap((item) => [item.length, ...Buffer.from(item, 'latin1')]),
    print: (data) => {
      const protocols: string[] = [];
      for (const reader = new WireReader(data); reader.left > 0; )
        protocols.push(Buffer.from(reader.bytes(reader.u8())).toString('latin1').replace(/[\\,]/g, '\\$&'));
      return quote(Buffer.from(protocols.join(','), 'latin1'));
    },
    valid: (data) => {
      let at = 0;
      while (at < data.length && data[at] !== 0) at += (data[at] ?? 0) + 1;
      return data.length > 0 && at === data.length;
    },
  },
  2: { parse: (value) => Buffer.from(value, 'latin1'), print: () => '', valid: (data) => data.length === 0 },
  3: {
    parse: (value) => {
      if (!/^[0-9]{1,5}$/.test(value) || Number(value) > 65535)
        throw new PresentationError(`near '${value.slice(0, 40)}': not a valid port`);
      return u16pair(Number(value));
    },
    print: (data) => String(pairs(data)[0]),
    valid: (data) => data.length === 2,
  },
  4: addresses(parseIp4, 4, (octets) => octets.join('.')),
  5: {
    parse: (value) => Buffer.from(value, 'base64'),
    print: (data) => Buffer.from(data).toString('base64'),
    valid: (data) => data.length > 0,
  },
  6: addresses(parseIp6, 16, formatIp6),
  7: { ...opaque, valid: (data) => DOH_PATH.test(Buffer.from(data).toString('latin1')) },
};

const kindOf = (key: number): ParameterKind => KINDS[key] ?? opaque;

/** `key=value`, `key="value"` (which the lexer gives as two tokens, the first ending with `=`), or `key`. */
function readParameter(
  token: Token,
  following: Token | undefined,
): { readonly key: number; readonly data: ArrayLike<number>; readonly used: number } {
  const equals = token.text.indexOf('=');
  const key = keyNumber((equals < 0 ? token.text : token.text.slice(0, equals)).toLowerCase());
  const quoted = equals === token.text.length - 1 && following?.quoted === true;
  const value: Token = quoted ? following : { text: equals < 0 ? '' : token.text.slice(equals + 1), quoted: false };
  const data = kindOf(key).parse(Buffer.from(octetsOf(value)).toString('latin1'));
  if (!kindOf(key).valid(Uint8Array.from(data)))
    throw new PresentationError(`near '${token.text.slice(0, 40)}': bad value for ${keyName(key)}`);
  return { key, data, used: quoted ? 2 : 1 };
}

/** What contradicts the constraints between parameters (RFC 9460 sections 7.1.1 and 8), or null. */
function contradiction(found: ReadonlyMap<number, ArrayLike<number>>): string | null {
  const mandatory = pairs(Uint8Array.from(found.get(MANDATORY) ?? []));
  for (const [i, key] of mandatory.entries()) {
    if (key === MANDATORY) return 'mandatory: it cannot name itself';
    if (mandatory.indexOf(key) !== i) return `mandatory: ${keyName(key)} is given twice`;
    if (key < (mandatory[i - 1] ?? 0)) return 'mandatory: its keys are not in ascending order';
    if (!found.has(key)) return `mandatory: ${keyName(key)} is not among the parameters`;
  }
  return found.has(NO_DEFAULT_ALPN) && !found.has(ALPN) ? 'no-default-alpn: it requires alpn' : null;
}

export const serviceParameters: Field = {
  parse(tokens, out) {
    const rest = tokens.rest();
    const found = new Map<number, ArrayLike<number>>();
    for (let i = 0; i < rest.length; ) {
      const token = rest[i];
      if (token === undefined) break;
      const parameter = readParameter(token, rest[i + 1]);
      if (found.has(parameter.key))
        throw new PresentationError(`near '${token.text.slice(0, 40)}': the parameter is given twice`);
      found.set(parameter.key, parameter.data);
      i += parameter.used;
    }
    const wrong = contradiction(found);
    if (wrong !== null) throw new PresentationError(wrong);
    for (const [key, data] of [...found].sort(([a], [b]) => a - b)) {
      out.u16(key);
      out.u16(data.length);
      out.bytes(data);
    }
  },
  print(data) {
    const printed: string[] = [];
    while (data.left > 0) {
      const key = data.u16();
      const value = data.bytes(data.u16());
      const shown = kindOf(key).print(value);
      printed.push(value.length === 0 ? keyName(key) : `${keyName(key)}=${shown}`);
    }
    return printed.join(' ');
  },
  copy(message, out) {
    const found = new Map<number, Uint8Array>();
    let last = -1;
    while (message.left > 0) {
      const key = message.u16();
      const value = message.bytes(message.u16());
      if (key <= last || !kindOf(key).valid(value)) throw new WireError('a bad service parameter');
      out.u16(key);
      out.u16(value.length);
      out.bytes(value);
      found.set(key, value);
      last = key;
    }
    const wrong = contradiction(found);
    if (wrong !== null) throw new WireError(wrong);
  },
};
