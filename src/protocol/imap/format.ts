/**
 * Formats strings in responses (RFC 9051 section 9). Results are latin1: each character is one
 * octet. So is the input, except for `utf8Octets`.
 */

const QUOTABLE = /^[\x20-\x7e]*$/;
const ASTRING = /^[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]+$/;

/** Encodes Unicode text as UTF-8 octets. */
export const utf8Octets = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** A quoted string if possible, otherwise a literal. `octets` is latin1. */
export function formatString(octets: string): string {
  if (octets.length > 1000 || !QUOTABLE.test(octets)) return `{${octets.length}}\r\n${octets}`;
  return octets.includes('"') || octets.includes('\\') ? `"${octets.replace(/["\\]/g, '\\$&')}"` : `"${octets}"`;
}

/** An atom if possible, otherwise a string. `octets` is latin1. */
export const formatAstring = (octets: string): string =>
  ASTRING.test(octets) && octets.toUpperCase() !== 'NIL' ? octets : formatString(octets);
