/** What a move tells: that a message is spam, that it is not, or nothing. */
import type { MailboxName } from '../../src/bus/plugin.ts';
import type { Kind } from './learner.ts';
import type { Settings } from './settings.ts';

/** Mail in them is the owner's own, or on its way out. */
const TELL_NOTHING = new Set(['\\Trash', '\\Drafts', '\\Sent']);

export function lessonOf(
  from: MailboxName,
  to: MailboxName,
  { mailbox, filed }: Pick<Settings, 'mailbox' | 'filed'>,
): Kind | null {
  const [wasJunk, isJunk] = [from, to].map(({ name, specialUse }) => specialUse === '\\Junk' || name === mailbox);
  if (wasJunk === isJunk && !(filed && from.name === 'INBOX' && !isJunk)) return null;
  if (isJunk) return TELL_NOTHING.has(from.specialUse) && from.specialUse !== '\\Trash' ? null : 'spam';
  return TELL_NOTHING.has(to.specialUse) ? null : 'ham';
}
