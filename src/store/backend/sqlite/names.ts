/** Mailbox names: the one form of INBOX, and what no name may be. */
import { HIERARCHY_SEPARATOR } from '../../../mail/mailbox.ts';
import { MailboxError } from '../../mailboxes.ts';

const MAX_OCTETS = 1000;
const MAX_LEVELS = 32;

/** INBOX in capitals (as the first level too); other names as they are, less one separator at the end. */
export function foldName(name: string): string {
  const trimmed = name.length > 1 && name.endsWith(HIERARCHY_SEPARATOR) ? name.slice(0, -1) : name;
  const end = trimmed.indexOf(HIERARCHY_SEPARATOR);
  const first = end < 0 ? trimmed : trimmed.slice(0, end);
  // In US-ASCII alone: a dotless i is another letter.
  return /^inbox$/i.test(first) ? `INBOX${trimmed.slice(5)}` : trimmed;
}

/** The folded name; throws MailboxError `cannot` where it can be no mailbox's. */
export function checkName(name: string): string {
  const folded = foldName(name);
  const levels = folded.split(HIERARCHY_SEPARATOR);
  if (levels.includes('')) throw new MailboxError('cannot', 'a level of the mailbox name is empty');
  if (levels.length > MAX_LEVELS) throw new MailboxError('cannot', `a mailbox name has at most ${MAX_LEVELS} levels`);
  if (Buffer.byteLength(folded) > MAX_OCTETS)
    throw new MailboxError('cannot', `a mailbox name has at most ${MAX_OCTETS} octets`);
  // Control characters would break LIST answers; a lone surrogate has no UTF-8.
  if (/[\u0000-\u001f\u007f]/.test(folded) || !folded.isWellFormed())
    throw new MailboxError('cannot', 'the mailbox name has characters that no name may have');
  return folded;
}

/** `a` and `a/b` of `a/b/c`. */
export function superiors(name: string): string[] {
  const levels = name.split(HIERARCHY_SEPARATOR);
  return levels.slice(1).map((_, i) => levels.slice(0, i + 1).join(HIERARCHY_SEPARATOR));
}
