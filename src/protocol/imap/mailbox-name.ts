/**
 * Mailbox name arguments (RFC 9051 section 5.1): from octets to the Unicode name used by the store.
 * INBOX is case-insensitive, alone and as the first level.
 */
import { HIERARCHY_SEPARATOR } from '../../mail/mailbox.ts';
import { formatAstring } from './format.ts';
import { decodeMailboxName, encodeMailboxName } from './modified-utf7.ts';
import type { Scanner } from './scanner.ts';
import { RefusedArgumentError } from './syntax-error.ts';

/** Maximum octets of a name on the wire. */
const MAX_NAME = 1000;

/** Throws RefusedArgumentError for an invalid name. */
export function parseMailbox(scanner: Scanner): string {
  const octets = scanner.astring();
  if (octets.length > MAX_NAME) throw new RefusedArgumentError('Mailbox name too long');
  const name = decodeMailboxName(octets);
  if (name === null) throw new RefusedArgumentError('Mailbox name is not valid modified UTF-7');
  return canonicalName(name);
}

/** A reference or pattern of LIST and LSUB; null if it cannot match any name. */
export function patternFromWire(octets: string): string | null {
  const pattern = octets.length > MAX_NAME ? null : decodeMailboxName(octets);
  return pattern === null ? null : canonicalName(pattern);
}

export function canonicalName(name: string): string {
  const [first = ''] = name.split(HIERARCHY_SEPARATOR, 1);
  // US-ASCII only: a dotless i is a different letter.
  return /^inbox$/i.test(first) ? `INBOX${name.slice(5)}` : name;
}

export const formatMailbox = (name: string): string => formatAstring(encodeMailboxName(name));
