/**
 * Mailboxes and domains by the grammar of RFC 5321 section 4.1.2 and RFC 6531 section 3.3. Without `strict`, misplaced
 * dots in a dot-string (`a..b@c`) and a final dot of the domain are accepted. Unnecessary quotes around a local part are
 * removed, so that one mailbox has one name. Linear in the length, which is limited.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { quoteLocalPart } from '../../mail/local-part.ts';

/** RFC 5321 section 4.5.3.1.3, less the brackets. */
const MAX_PATH = 254;
const MAX_LOCAL = 64;
const MAX_DOMAIN = 255;

const ATEXT = /^[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\u{10ffff}]+$/u;
const LABEL = /^[A-Za-z0-9_\u0080-\u{10ffff}](?:[A-Za-z0-9_\u0080-\u{10ffff}-]*[A-Za-z0-9_\u0080-\u{10ffff}])?$/u;
const PLAIN_DOMAIN = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/;

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
