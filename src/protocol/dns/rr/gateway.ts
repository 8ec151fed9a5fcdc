/**
 * Types whose data contains a gateway (IPv4, IPv6 or name): IPSECKEY (RFC 4025) and AMTRELAY (RFC 8777).
 */

import { near, PresentationError, type Tokens } from '../presentation.ts';
import { WireError, type WireReader, type WireWriter } from '../wire.ts';
import { base64Rest, domainName, type Field, ip4, ip6, optional, u8 } from './field.ts';

const NO_GATEWAY = 0;

/** No gateway: `.` in text, no octets. */
const none: Field = {
  parse(tokens) {
    const token = tokens.next('a dot, as there is no gateway');
    if (token.text !== '.') throw near(token, 'syntax error', 'a dot, as there is no gateway');
  },
  print: () => '.',
  copy: () => {},
};

const GATEWAYS: readonly Field[] = [none, ip4, ip6, domainName("a gateway's name")];

const gatewayField = (type: number): Field => {
  const field = GATEWAYS[type];
  if (field === undefined) throw new WireError('a gateway of an unknown type');
  return field;
};

function readType(tokens: Tokens): number {
  const token = tokens.peek();
  const type = tokens.number(0xff, 'a gateway type from 0 to 3');
  if (token !== undefined && type >= GATEWAYS.length) throw near(token, 'out of range', 'a gateway type from 0 to 3');
  return type;
}

const algorithmNumber = u8('an algorithm');

/** Precedence, gateway type, algorithm, gateway, key. */
export const ipsecKey: Field = {
  parse(tokens, out) {
    out.u8(tokens.number(0xff, 'a precedence'));
    const type = readType(tokens);
    out.u8(type);
    const at = out.offset;
    algorithmNumber.parse(tokens, out);
    const hasKey = out.finish()[at] !== 0;
    gatewayField(type).parse(tokens, out);
    if (hasKey && tokens.atEnd)
      throw new PresentationError('near eol: unexpected end of input, expected a key in base64');
    optional(base64Rest).parse(tokens, out);
  },
  print(data) {
    const precedence = data.u8();
    const type = data.u8();
    const parts = [precedence, type, data.u8(), gatewayField(type).print(data), optional(base64Rest).print(data)];
    return parts.filter((part) => part !== '').join(' ');
  },
  copy(message, out) {
    out.u8(message.u8());
    const type = message.u8();
    out.u8(type);
    const algorithm = message.u8();
    out.u8(algorithm);
    gatewayField(type).copy(message, out);
    if (algorithm !== 0 && message.left === 0) throw new WireError('key data is missing');
    out.bytes(message.rest());
  },
};

/** The discovery-optional bit precedes the relay type in the same octet. */
const DISCOVERY = 0x80;

function copyRelay(message: WireReader, out: WireWriter): void {
  const octet = message.u8();
  out.u8(octet);
  gatewayField(octet & ~DISCOVERY).copy(message, out);
}

/** Precedence, discovery, relay type, relay. */
export const amtRelay: Field = {
  parse(tokens, out) {
    out.u8(tokens.number(0xff, 'a precedence'));
    const discovery = tokens.number(1, 'the discovery bit, 0 or 1');
    const type = readType(tokens);
    out.u8((discovery === 1 ? DISCOVERY : NO_GATEWAY) | type);
    gatewayField(type).parse(tokens, out);
  },
  print(data) {
    const precedence = data.u8();
    const octet = data.u8();
    const type = octet & ~DISCOVERY;
    return `${precedence} ${octet >> 7} ${type} ${gatewayField(type).print(data)}`;
  },
  copy(message, out) {
    out.u8(message.u8());
    copyRelay(message, out);
  },
};
