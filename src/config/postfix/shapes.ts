/**
 * The formats of single values and list items of main.cf: host names, domains, addresses, nexthops, transports. A check
 * returns what was expected, or undefined if the text is valid. Only the syntax is checked, not whether a host exists.
 */
import ipaddr from 'ipaddr.js';
import { type PortNames, portOf } from '../../lookup/ports.ts';
import { parseMilter } from '../../protocol/milter/specification.ts';

/** `ports`: the names of ports that a value may use. */
export type Shape = (text: string, ports: PortNames) => string | undefined;

/** RFC 1123 with `_`, and UTF-8 (RFC 6531), as in Postfix's valid_hostname(); a trailing dot is not allowed. */
const LABEL = /^(?!-)[A-Za-z0-9_\u0080-\u{10ffff}-]{1,63}(?<!-)$/u;
const isHostName = (text: string): boolean => text.length <= 255 && text.split('.').every((label) => LABEL.test(label));
/** `[192.0.2.1]`, `[2001:db8::1]`, `[IPv6:2001:db8::1]`. */
const isLiteral = (text: string): boolean =>
  /^\[.*\]$/.test(text) && isAddress(text.slice(1, -1).replace(/^ipv6:/i, ''));
const isAddress = (text: string): boolean => ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);

const expected =
  (what: string, fits: (text: string, ports: PortNames) => boolean): Shape =>
  (text, ports) =>
    fits(text, ports) ? undefined : `expected ${what}`;

/** `mail.example.com`; a name consisting only of digits is an address. */
export const hostName = expected(
  'a host name such as mail.example.com',
  (text) => isHostName(text) && !isAddress(text),
);

export const heloName = expected(
  'a host name such as mail.example.com, or an address such as [192.0.2.1]',
  (text) => isHostName(text) || isLiteral(text),
);

/**
 * An item of a list of domains that is not a table: `example.com`, `.example.com`, `[192.0.2.1]`, a file. `!` negates.
 */
export const domainPattern = expected('a domain, the path of a file, or a lookup table as type:name', (text) => {
  const plain = text.replace(/^!+/, '');
  return (
    plain.startsWith('/') ||
    isHostName(plain.replace(/^\./, '')) ||
    isLiteral(plain) ||
    isAddress(plain.replace(/\/\d{1,3}$/, ''))
  );
});

const INTERFACE_WORDS = new Set(['all', 'loopback-only']);
export const networkInterface = expected('all, loopback-only, an address or a host name', (text) => {
  const lower = text.toLowerCase();
  // The last label of a name is never a number (RFC 3696 section 2): that is an address with a fault.
  const isName = isHostName(text) && !/(?:^|\.)\d+$/.test(text);
  return INTERFACE_WORDS.has(lower) || isAddress(text) || isLiteral(text) || isName;
});

/** `domain`, `[host]`, either with `:port`. */
export const nexthop: Shape = (text, ports) => {
  const match = /^(?:\[([^\][]*)\]|([^\][:]+))(?::([^:]*))?$/.exec(text);
  const [, bracketed, plain, port] = match ?? [];
  const host = (bracketed ?? plain ?? '').replace(/^ipv6:/i, '');
  if (/^\[[^\]]*$/.test(text)) return 'expected "]" after the host';
  if (match === null || !(isHostName(host) || isAddress(host)))
    return 'expected a host or domain such as [mail.example.com]:587';
  return port === undefined || portOf(port, ports) !== undefined
    ? undefined
    : `"${port.slice(0, 40)}": expected a port`;
};

/** Transports whose nexthop is a text for people (error(8), discard(8)). */
const WITH_TEXT = /^(?:error|retry|discard):/;
/** Whether the value is a text for people: it may contain anything. */
export const isTextTransport = (text: string): boolean => WITH_TEXT.test(text);

/** `smtp`, `smtp:[mail.example.com]:587`, `lmtp:unix:/path`, `error:text`. */
export const transport: Shape = (text, ports) => {
  if (isTextTransport(text)) return undefined;
  const [, name, next] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? [];
  if (!/^[A-Za-z0-9._-]+$/.test(name ?? ''))
    return 'expected a transport of master.cf, alone or with a next hop as smtp:[mail.example.com]:587';
  if (next === undefined || next === '' || /^unix:\S+$/.test(next)) return undefined;
  const hop = next.replace(/^inet:/, '');
  // A pipe defines its own nexthop syntax: `mailman:lists/example`.
  return /^[^\s[\]]+$/.test(hop) ? undefined : nexthop(hop, ports);
};

/** `host:port`, `inet:host:port`, `:port`, `unix:/path`. */
export const server = expected(
  'host:port or unix:/path',
  (text, ports) =>
    /^unix:\S+$/.test(text) ||
    portOf(/^(?:inet:)?(?:\[[^\]\s]+\]|[^\s:[\]]*):([^\s:]+)$/.exec(text)?.[1] ?? '', ports) !== undefined,
);

/** Where we listen: `127.0.0.1:9154`, `[::1]:9154`, `unix:/path`. */
export const listener = expected(
  'an IP address and a port such as 127.0.0.1:9154 or [::1]:9154, or unix:/path',
  (text) => {
    const [, v6, v4 = '', port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
    const fits = v6 === undefined ? ipaddr.IPv4.isValidFourPartDecimal(v4) : ipaddr.IPv6.isValid(v6);
    return /^unix:\/\S+$/.test(text) || (fits && Number(port) >= 1 && Number(port) <= 65_535);
  },
);

/** One mail address, with or without domain (RFC 5321); a quoted local part may contain spaces. */
export const mailAddress = expected(
  'one mail address',
  (text) => /^(?:"(?:[^"\\]|\\.)*"|[^\s"<>(),;:@]+)(?:@[^\s"<>(),;@]+)?$/.test(text) || text === '<>',
);

/** An item of smtpd_milters. */
export const milter: Shape = (text) => {
  const parsed = parseMilter(text);
  return typeof parsed === 'string' ? parsed : undefined;
};

export const ipv4 = expected('an IPv4 address', (text) => ipaddr.IPv4.isValidFourPartDecimal(text));
export const ipv6 = expected('an IPv6 address', (text) => ipaddr.IPv6.isValid(text.replace(/^\[(.*)\]$/, '$1')));
export const account = expected('the name of an account or group of this system', (text) =>
  /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/.test(text),
);
export const port = expected(
  'a port: a number or a name such as smtp',
  (text, ports) => portOf(text, ports) !== undefined,
);
export const word = expected('one word', (text) => /^\S+$/.test(text));
/** Postfix's "concurrency feedback" (SCHEDULER_README): `1`, `0.5`, `1/4`, `1/concurrency`, `1/sqrt_concurrency`. */
export const feedback = expected('a number, or a fraction such as 1/4 or 1/concurrency', (text) =>
  /^\d{1,6}(?:\.\d{1,6})?(?:\s*\/\s*(?:\d{1,6}(?:\.\d{1,6})?|concurrency|sqrt_concurrency))?$/.test(text),
);
