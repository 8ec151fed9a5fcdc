/**
 * Strings as IMAP writes them into ENVELOPE and BODYSTRUCTURE (RFC 9051 section 4.3): quoted where that can
 * be, else a literal. Input and output are latin1: a character is an octet.
 */

import { trimSpace } from './header.ts';

/** Beyond this a quoted string makes lines that clients choke on. */
const MAX_QUOTED = 4096;

/** Exact: quotes and backslashes are escaped. */
export function imapString(text: string): string {
  if (text.length > MAX_QUOTED || /[^\x20-\x7e\t]/.test(text)) return literal(text);
  return /["\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
}

/** For reading: runs of white space become one blank, quotes make a literal (clients of old forget to unescape). */
export function imapPhrase(text: string): string {
  const plain = trimSpace(text.replace(/[ \t\r\n]+/g, ' '));
  return plain.length > MAX_QUOTED || /[^\x20-\x7e]|["\\]/.test(plain) ? literal(plain) : `"${plain}"`;
}

export const imapNString = (text: string | null): string => (text === null ? 'NIL' : imapString(text));

/** NUL can stand in no IMAP string. */
function literal(text: string): string {
  const octets = text.replaceAll('\0', '\x80');
  return `{${octets.length}}\r\n${octets}`;
}
