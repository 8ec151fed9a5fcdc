/** What Postfix's queue commands take for a queue ID (mail_queue_id_ok) and for a site (valid_hostname). */
import { isIP } from 'node:net';

const LONGEST = 255;

export const isQueueId = (text: string): boolean => text.length <= LONGEST && /^[0-9A-Za-z]+$/.test(text);

/** A host name, or an address in brackets. */
export function isSite(text: string): boolean {
  const literal = /^\[(?:IPv6:(.*)|(.*))\]$/i.exec(text);
  if (literal !== null) return isIP(literal[1] ?? literal[2] ?? '') === (literal[1] === undefined ? 4 : 6);
  const isLabel = (label: string): boolean => /^(?!-)[\w-]{1,63}$/.test(label) && !label.endsWith('-');
  return text.length <= LONGEST && !/^[\d.]*$/.test(text) && text.split('.').every(isLabel);
}
