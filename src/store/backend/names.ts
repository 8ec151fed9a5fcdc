/** Mailbox names: normalizing INBOX, and which names are invalid. */
import { HIERARCHY_SEPARATOR } from '../../mail/mailbox.ts';
import { MailboxError } from '../mailboxes.ts';

const MAX_OCTETS = 1000;
const MAX_LEVELS = 32;

/** INBOX in capitals (also as the first level); other names unchanged except for one trailing separator, removed. */
export function foldName(name: string): string {
  const trimmed = name.length > 1 && name.endsWith(HIERARCHY_SEPARATOR) ? name.slice(0, -1) : name;
  const end = trimmed.indexOf(HIERARCHY_SEPARATOR);
  const first = end < 0 ? trimmed : trimmed.slice(0, end);
  // US-ASCII only: a dotless i is a different letter.
  return /^inbox$/i.test(first) ? `INBOX${trimmed.slice(5)}` : trimmed;
}

/** Returns the folded name; throws MailboxError `cannot` if it is invalid. */
export function checkName(name: string): string {
  const folded = foldName(name);
  const levels = folded.split(HIERARCHY_SEPARATOR);
  if (levels.includes('')) throw new MailboxError('cannot', 'a level of the mailbox name is empty');
  if (levels.length > MAX_LEVELS) throw new MailboxError('cannot', `a mailbox name has at most ${MAX_LEVELS} levels`);
  if (Buffer.byteLength(folded) > MAX_OCTETS)
    throw new MailboxError('cannot', `a mailbox name has at most ${MAX_OCTETS} octets`);
  // Control characters would break LIST responses; a lone surrogate cannot be encoded in UTF-8.
  if (/[\u0000-\u001f\u007f]/.test(folded) || !folded.isWellFormed())
    throw new MailboxError('cannot', 'the mailbox name contains invalid characters');
  return folded;
}

/** `a` and `a/b` of `a/b/c`. */
export function superiors(name: string): string[] {
  const levels = name.split(HIERARCHY_SEPARATOR);
  return levels.slice(1).map((_, i) => levels.slice(0, i + 1).join(HIERARCHY_SEPARATOR));
}
