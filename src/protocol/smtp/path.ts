/**
 * Reverse-paths and forward-paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
 *
 * Accepts what clients really send: no brackets, white space after the colon, misplaced dots in a
 * dot-string (`a..b@c`), a final dot on the domain; `strict` (Postfix: strict_rfc821_envelopes) accepts
 * only the RFC's grammar. Source routes are dropped (RFC 5321 appendix C). Unnecessary quotes around a local
 * part are removed, so that one mailbox has one name. Linear in the length, which is limited.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { quoteLocalPart } from '../../mail/local-part.ts';

export interface ParsedPath {
  /** Without brackets and route; '' is the null path. A bare local part if the client gave no domain. */
  readonly address: string;
  /** Contains characters beyond ASCII, which require SMTPUTF8. */
  readonly unicode: boolean;
  /** The text after the path: the ESMTP parameters. */
  readonly rest: string;
}

/** RFC 5321 section 4.5.3.1.3, less the brackets. */
const MAX_PATH = 254;
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

const ATEXT = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\u{10ffff}]+$/u;
const LABEL = /^[A-Za-z0-9_\u0080-\u{10ffff}](?:[A-Za-z0-9_\u0080-\u{10ffff}-]*[A-Za-z0-9_\u0080-\u{10ffff}])?$/u;
const PLAIN_DOMAIN = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/;
const SOURCE_ROUTE = /^@[^\s<>@:,]+(?:,@[^\s<>@:,]+)*:/;

/** Parses the path at the start of `text` (after `FROM:` or `TO:`); null if there is none. */
export function parsePath(text: string, strict: boolean): ParsedPath | null {
  const start = strict ? 0 : text.length - text.trimStart().length;
  const bracketed = text.charCodeAt(start) === 0x3c;
  if (!bracketed && strict) return null;
  const end = endOfPath(text, bracketed ? start + 1 : start, bracketed ? '>' : ' ');
  if (end < 0) return null;
  const rest = text.slice(bracketed ? end + 1 : end);
  if (rest !== '' && !/^\s/.test(rest)) return null;
  const path = text.slice(bracketed ? start + 1 : start, end).replace(SOURCE_ROUTE, '');
  if (path === '') return bracketed ? { address: '', unicode: false, rest } : null;
  const address = parseMailbox(path, strict);
  return address === null ? null : { address, unicode: /[^\x00-\x7f]/.test(address), rest };
}

/** Index of the terminator outside quotes; for unbracketed paths, possibly the end; -1 if there is none. */
function endOfPath(text: string, start: number, terminator: string): number {
  let quoted = false;
  for (let i = start; i < text.length; i += 1) {
    const c = text.charAt(i);
    if (c === '\\') i += 1;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === terminator || (terminator === ' ' && c === '\t'))) return i;
  }
  return terminator === ' ' && !quoted ? text.length : -1;
}

/** `local@domain` or a bare local part in canonical form; null if the syntax is invalid. */
export function parseMailbox(text: string, strict: boolean): string | null {
  if (Buffer.byteLength(text) > MAX_PATH) return null;
  const at = text.charCodeAt(0) === 0x22 ? closingQuote(text) + 1 : text.indexOf('@');
  const bare = at < 0 || at === text.length;
  if (!bare && text.charAt(at) !== '@') return null;
  const local = parseLocalPart(bare ? text : text.slice(0, at), strict);
  if (local === null || bare) return local;
  const domain = parseDomain(text.slice(at + 1), strict);
  return domain === null ? null : `${local}@${domain}`;
}

function closingQuote(text: string): number {
  for (let i = 1; i < text.length; i += 1) {
    if (text.charAt(i) === '\\') i += 1;
    else if (text.charAt(i) === '"') return i;
  }
  return text.length;
}

function parseLocalPart(text: string, strict: boolean): string | null {
  if (strict && Buffer.byteLength(text) > MAX_LOCAL) return null;
  if (text.charCodeAt(0) !== 0x22) return isDotString(text, strict) ? text : null;
  if (text.length < 2 || closingQuote(text) !== text.length - 1) return null;
  const content = text.slice(1, -1).replace(/\\(.)/gsu, '$1');
  // RFC 5321 section 4.1.2: qtextSMTP and quoted-pairSMTP are printable.
  if (/[\x00-\x1f\x7f]/.test(content)) return null;
  return quoteLocalPart(content);
}

function isDotString(text: string, strict: boolean): boolean {
  return ATEXT.test(text) && !(strict && (text.startsWith('.') || text.endsWith('.') || text.includes('..')));
}

/** A domain name or an address literal; null if the syntax is invalid. */
export function parseDomain(text: string, strict: boolean): string | null {
  if (text.startsWith('[')) return isAddressLiteral(text) ? text : null;
  const name = !strict && text.endsWith('.') ? text.slice(0, -1) : text;
  if (Buffer.byteLength(name) > MAX_DOMAIN) return null;
  if (PLAIN_DOMAIN.test(name) && name.length <= 63 && !/(?:^|\.)-|-(?:\.|$)/.test(name)) return name;
  return name.split('.').every((label) => Buffer.byteLength(label) <= 63 && LABEL.test(label)) ? name : null;
}

/** RFC 5321 section 4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`. @internal */
export function isAddressLiteral(text: string): boolean {
  if (!text.startsWith('[') || !text.endsWith(']')) return false;
  const inner = text.slice(1, -1);
  return /^ipv6:/i.test(inner) ? isIPv6(inner.slice(5)) && !inner.includes('%') : isIPv4(inner);
}
