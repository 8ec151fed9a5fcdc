/**
 * Mailbox names as arguments (RFC 9051 section 5.1): from octets to the Unicode name the store knows.
 * INBOX in any case is INBOX, alone and as the first level.
 */
import { HIERARCHY_SEPARATOR } from '../../mail/mailbox.ts';
import { formatAstring } from './format.ts';
import { decodeMailboxName, encodeMailboxName } from './modified-utf7.ts';
import type { Scanner } from './scanner.ts';

/** Octets of a name on the wire. */
const MAX_NAME = 1000;

export function parseMailbox(scanner: Scanner): string {
  return mailboxFromWire(scanner, scanner.astring());
}

export function mailboxFromWire(scanner: Scanner, octets: string): string {
  if (octets.length > MAX_NAME) return scanner.fail('Mailbox name too long');
  const name = decodeMailboxName(octets);
  return name === null ? scanner.fail('Mailbox name is not valid modified UTF-7') : canonicalName(name);
}

export function canonicalName(name: string): string {
  const [first = ''] = name.split(HIERARCHY_SEPARATOR, 1);
  // In US-ASCII alone: a dotless i is another letter.
  return /^inbox$/i.test(first) ? `INBOX${name.slice(5)}` : name;
}

export const formatMailbox = (name: string): string => formatAstring(encodeMailboxName(name));
