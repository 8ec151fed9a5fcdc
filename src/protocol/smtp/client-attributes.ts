/**
 * The attributes of XCLIENT and XFORWARD (XCLIENT_README, XFORWARD_README): `NAME=value` words, values in xtext,
 * refused in Postfix's wording. Only clients that the configuration names may send them, but their values come from
 * anywhere.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { type Reply, reply } from '../../mail/status.ts';
import { ownValue } from '../../own-value.ts';
import { parseDomain } from './mailbox.ts';
import { decodeXtext } from './xtext.ts';

/** What was given, by attribute in capitals; null: the sender does not know it. `temporary`: it may know it later. */
export type ClientAttributes = ReadonlyMap<string, AttributeValue>;
export interface AttributeValue {
  readonly value: string | null;
  readonly temporary: boolean;
}

/** Octets of a name or another word. */
const LONGEST = 255;

type Check = (value: string) => string | null;

const name: Check = (value) => (value.startsWith('[') ? null : parseDomain(value, false));
const port: Check = (value) => (/^\d{1,5}$/.test(value) ? value : null);
const word: Check = (value) => (value.length <= LONGEST ? value.replaceAll(/[^\x21-\x7e]|[<>()\\";]/g, '?') : null);
const protocol: Check = (value) => (/^e?smtp$/i.test(value) ? value.toUpperCase() : null);
const source: Check = (value) => (/^(?:local|remote)$/i.test(value) ? value.toUpperCase() : null);

function address(value: string): string | null {
  const v6 = /^ipv6:(.*)$/i.exec(value)?.[1];
  if (v6 === undefined) return isIPv4(value) ? value : null;
  return isIPv6(v6) && !v6.includes('%') ? v6.toLowerCase() : null;
}

/** In the order in which EHLO names them. */
export const XCLIENT: Readonly<Record<string, Check>> = {
  NAME: name,
  ADDR: address,
  PROTO: protocol,
  HELO: word,
  REVERSE_NAME: name,
  PORT: port,
  DESTADDR: address,
  DESTPORT: port,
};
export const XFORWARD: Readonly<Record<string, Check>> = {
  NAME: name,
  ADDR: address,
  PROTO: word,
  HELO: word,
  SOURCE: source,
  PORT: port,
  IDENT: word,
};

const refusal = (text: string): Reply => reply(501, '5.5.4', text);

/** `command` names the rows in what is refused. */
export function parseClientAttributes(
  command: string,
  words: readonly string[],
  rows: Readonly<Record<string, Check>>,
): ClientAttributes | Reply {
  const attributes = new Map<string, AttributeValue>();
  for (const item of words) {
    const equals = item.indexOf('=');
    if (equals < 0 || equals === item.length - 1) return refusal('Error: attribute=value expected');
    const attribute = item.slice(0, equals).toUpperCase();
    const check = ownValue(rows, attribute);
    if (check === undefined) return refusal(`Bad ${command} attribute name: ${attribute}`);
    const given = item.slice(equals + 1);
    const written = decodeXtext(given);
    const unknown = /^\[(UNAVAILABLE|TEMPUNAVAIL)\]$/i.exec(written ?? '');
    const value = unknown === null && written !== null ? check(written) : null;
    if (unknown === null && value === null) return refusal(`Bad ${attribute} syntax: ${given}`);
    attributes.set(attribute, { value, temporary: unknown?.[1]?.toUpperCase() === 'TEMPUNAVAIL' });
  }
  return attributes;
}
