/**
 * Encodes replies (RFC 5321 section 4.2, RFC 2034).
 * Guarantee: the text of a reply never breaks its line, whatever a plugin or a peer put into it.
 */
import type { Reply } from '../../mail/status.ts';

const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;
const CONTROLS_ALL = new RegExp(CONTROLS.source, 'g');

/** With CRLF; a text of several lines (`\n`) becomes a multi-line reply with the codes on each. */
export function encodeReply({ code, enhanced, text }: Reply): string {
  const clean = CONTROLS.test(text) ? text.replace(CONTROLS_ALL, '?') : text;
  const status = enhanced === '' ? '' : `${enhanced} `;
  if (!clean.includes('\n')) return `${code} ${status}${clean}\r\n`;
  const lines = clean.split('\n');
  const last = lines.pop();
  return `${lines.map((line) => `${code}-${status}${line}\r\n`).join('')}${code} ${status}${last}\r\n`;
}
