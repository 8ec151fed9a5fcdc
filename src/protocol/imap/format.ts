/**
 * Writes the strings of responses (RFC 9051 section 9). Results are latin1: each character is one
 * octet. Text comes in either as such octets or, in the functions that say so, as Unicode.
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

/** `text` is Unicode; null becomes NIL. */
export const formatNstring = (text: string | null): string => (text === null ? 'NIL' : formatString(QUOTABLE.test(text) ? text : utf8Octets(text)));

/** An atom where possible. `octets` is latin1. */
export const formatAstring = (octets: string): string => (ASTRING.test(octets) && octets.toUpperCase() !== 'NIL' ? octets : formatString(octets));
