/**
 * Rarely used types that BIND supports: WKS (RFC 1035), NSAP (RFC 1706), ATMA, HIP (RFC 8005),
 * DOA and DSYNC (RFC 9859).
 */

import { near, type Token } from '../presentation.ts';
import { WireError } from '../wire.ts';
import { base64Octets, domainName, type Field, mnemonic, setBit, setBits } from './field.ts';

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['ICMP', 1],
  ['TCP', 6],
  ['UDP', 17],
]);
/** Known service names; other services are written as port numbers. BIND uses /etc/services. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['ECHO', 7],
  ['DISCARD', 9],
  ['DAYTIME', 13],
  ['FTP-DATA', 20],
  ['FTP', 21],
  ['SSH', 22],
  ['TELNET', 23],
  ['SMTP', 25],
  ['TIME', 37],
  ['WHOIS', 43],
  ['DOMAIN', 53],
  ['TFTP', 69],
  ['FINGER', 79],
  ['HTTP', 80],
  ['KERBEROS', 88],
  ['POP3', 110],
  ['SUNRPC', 111],
  ['NNTP', 119],
  ['NTP', 123],
  ['IMAP2', 143],
  ['IMAP', 143],
  ['SNMP', 161],
  ['LDAP', 389],
  ['HTTPS', 443],
  ['SUBMISSION', 587],
  ['IMAPS', 993],
  ['POP3S', 995],
]);
const protocol = mnemonic(8, PROTOCOLS, 'a protocol such as tcp or udp');
const MAX_SERVICE_OCTETS = 8192;

function servicePort(token: Token): number {
  const port =
    SERVICES.get(token.text.toUpperCase()) ?? (/^[0-9]{1,5}$/.test(token.text) ? Number(token.text) : Number.NaN);
  if (!(port <= 65535)) throw near(token, 'unknown service', 'a service such as smtp, or a port number');
  return port;
}

/** Protocol and a bitmap of ports. */
export const services: Field = {
  parse(tokens, out) {
    protocol.parse(tokens, out);
    const bits: number[] = [];
    for (const token of tokens.rest()) setBit(bits, servicePort(token));
    out.bytes(bits);
  },
  print: (data) => [data.u8(), ...setBits(data.rest())].join(' '),
  copy(message, out) {
    out.u8(message.u8());
    const bits = message.rest();
    if (bits.length > MAX_SERVICE_OCTETS || bits[bits.length - 1] === 0) throw new WireError('bad service bits');
    out.bytes(bits);
  },
};

/** `0x47.0005.80…`: an even number of digits, dots anywhere. */
export const nsapAddress: Field = {
  parse(tokens, out) {
    const token = tokens.next('0x and hexadecimal digits');
    const digits = token.text.slice(2).replaceAll('.', '');
    if (!/^0x/i.test(token.text) || !/^(?:[0-9a-fA-F]{2})+$/.test(digits))
      throw near(token, 'syntax error', '0x and an even number of hexadecimal digits');
    out.bytes(Buffer.from(digits, 'hex'));
  },
  print: (data) => `0x${Buffer.from(data.rest()).toString('hex')}`,
  copy(message, out) {
    if (message.left === 0) throw new WireError('an empty NSAP address');
    out.bytes(message.rest());
  },
};

/** An ATM end system address in hexadecimal (format 0), or `+` and digits as in E.164 (format 1). */
export const atmAddress: Field = {
  parse(tokens, out) {
    const token = tokens.next('an ATM address');
    const text = token.text.replaceAll('.', '');
    if (/^\+[0-9]+$/.test(text)) {
      out.u8(1);
      out.bytes(Buffer.from(text.slice(1), 'latin1'));
    } else if (/^(?:[0-9a-fA-F]{2})+$/.test(text)) {
      out.u8(0);
      out.bytes(Buffer.from(text, 'hex'));
    } else throw near(token, 'syntax error', 'hexadecimal digits, or + and decimal digits');
  },
  print(data) {
    const format = data.u8();
    const octets = Buffer.from(data.rest());
    return format === 1 ? `+${octets.toString('latin1')}` : octets.toString('hex');
  },
  copy(message, out) {
    const format = message.u8();
    const octets = message.rest();
    if (format > 1 || octets.length === 0) throw new WireError('a bad ATM address');
    if (format === 1 && octets.some((octet) => octet < 0x30 || octet > 0x39)) throw new WireError('a bad ATM address');
    out.u8(format);
    out.bytes(octets);
  },
};

const rendezvous = domainName('the name of a rendezvous server');

/** Algorithm, host identity tag, public key, and the names of rendezvous servers. */
export const hostIdentity: Field = {
  parse(tokens, out) {
    const algorithm = tokens.number(0xff, 'a public key algorithm');
    const tag = tokens.next('a host identity tag in hexadecimal digits');
    if (!/^(?:[0-9a-fA-F]{2}){1,255}$/.test(tag.text))
      throw near(tag, 'bad hex encoding', 'a host identity tag in hexadecimal digits');
    const key = tokens.next('a public key in base64');
    const octets = base64Octets(key.text, key);
    out.bytes([tag.text.length / 2, algorithm]);
    out.u16(octets.length);
    out.bytes(Buffer.from(tag.text, 'hex'));
    out.bytes(octets);
    while (!tokens.atEnd) rendezvous.parse(tokens, out);
  },
  print(data) {
    const tagLength = data.u8();
    const algorithm = data.u8();
    const keyLength = data.u16();
    const tag = Buffer.from(data.bytes(tagLength)).toString('hex').toUpperCase();
    const words = [String(algorithm), tag, Buffer.from(data.bytes(keyLength)).toString('base64')];
    while (data.left > 0) words.push(rendezvous.print(data));
    return words.join(' ');
  },
  copy(message, out) {
    const tagLength = message.u8();
    const algorithm = message.u8();
    const keyLength = message.u16();
    if (tagLength === 0 || keyLength === 0) throw new WireError('a host identity without a tag or a key');
    out.bytes([tagLength, algorithm]);
    out.u16(keyLength);
    out.bytes(message.bytes(tagLength));
    out.bytes(message.bytes(keyLength));
    while (message.left > 0) rendezvous.copy(message, out);
  },
};

/** Base64 to the end, or `-` if empty (DOA). */
export const base64OrDash: Field = {
  parse(tokens, out) {
    const first = tokens.next('base64, or - for none');
    const rest = tokens.rest();
    if (first.text === '-' && rest.length === 0) return;
    out.bytes(base64Octets([first, ...rest].map((token) => token.text).join(''), first));
  },
  print: (data) => (data.left === 0 ? '-' : Buffer.from(data.rest()).toString('base64')),
  copy: (message, out) => out.bytes(message.rest()),
};

/** DSYNC's notification scheme (RFC 9859 section 2). */
export const scheme: Field = mnemonic(8, new Map([['NOTIFY', 1]]), 'a scheme such as NOTIFY', true);
