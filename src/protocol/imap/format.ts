/**
 * Writes the strings of responses (RFC 9051 section 9). Results are latin1: each character is one
 * octet. So is what comes in, but for `utf8Octets`.
 */

const QUOTABLE = /^[\x20-\x7e]*$/;
const ASTRING = /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/;

/** Unicode text as UTF-8 octets. */
export const utf8Octets = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** A quoted string where possible, else a literal. `octets` is latin1. */
export function formatString(octets: string): string {
  if (octets.length > 1000 || !QUOTABLE.test(octets)) return `{${octets.length}}\r\n${octets}`;
  return octets.includes('"') || octets.includes('\\') ? `"${octets.replace(/["\\]/g, '\\$&')}"` : `"${octets}"`;
}

/** An atom where possible. `octets` is latin1. */
export const formatAstring = (octets: string): string =>
  ASTRING.test(octets) && octets.toUpperCase() !== 'NIL' ? octets : formatString(octets);
