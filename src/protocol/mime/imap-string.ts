/**
 * Strings in ENVELOPE and BODYSTRUCTURE (RFC 9051 section 4.3): quoted if possible, otherwise a
 * literal. Input and output are latin1: one octet per character.
 */

import { trimSpace } from './header.ts';

/** Longer strings are sent as literals, because clients fail on very long lines. */
const MAX_QUOTED = 4096;

/** Preserves the text: quotes and backslashes are escaped. */
export function imapString(text: string): string {
  if (text.length > MAX_QUOTED || /[^\x20-\x7e\t]/.test(text)) return literal(text);
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** For display: runs of white space become one space; quotes force a literal (old clients do not unescape). */
export function imapPhrase(text: string): string {
  const plain = trimSpace(text.replace(/[ \t\r\n]+/g, ' '));
  return plain.length > MAX_QUOTED || /[^\x20-\x7e]|["\\]/.test(plain) ? literal(plain) : `"${plain}"`;
}

export const imapNString = (text: string | null): string => (text === null ? 'NIL' : imapString(text));

/** No IMAP string may contain NUL. */
function literal(text: string): string {
  const octets = text.replaceAll('\0', '\x80');
  return `{${octets.length}}\r\n${octets}`;
}
