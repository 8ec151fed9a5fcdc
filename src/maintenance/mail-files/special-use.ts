/** A mailbox that was `\Sent` there is the one here as well, so that programs go on to use it. */
import type { Id } from '../../mail/account.ts';
import type { Store } from '../../store/store.ts';
import { recordOf } from '../copy/mailbox.ts';
import type { FileMailbox } from './mailbox.ts';

/**
 * An empty mailbox that `user add` made gives its special use up. Returns the name of a mailbox that has mail and keeps
 * it, or null.
 */
export async function giveSpecialUse(
  { transfer }: Store,
  account: Id,
  { name, specialUse }: Pick<FileMailbox, 'name' | 'specialUse'>,
): Promise<string | null> {
  if (specialUse === '') return null;
  const mailboxes = await transfer.mailboxRecords(account);
  const own = mailboxes.find((mailbox) => mailbox.name === name);
  const holder = mailboxes.find((mailbox) => mailbox.specialUse === specialUse);
  if (own === undefined || holder === own) return null;
  if (holder !== undefined && holder.messages > 0) return holder.name;
  if (holder !== undefined) await transfer.putMailbox({ ...recordOf(holder), specialUse: '' }, holder.id);
  await transfer.putMailbox({ ...recordOf(own), specialUse }, own.id);
  return null;
}
