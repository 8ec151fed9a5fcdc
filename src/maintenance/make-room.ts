/** Makes the name of a mailbox free. */
import type { Store } from '../store/store.ts';
import type { StoredMailbox } from '../store/transfer.ts';
import { recordOf } from './copy/mailbox.ts';

/** Removes an empty mailbox that `user add` made, even INBOX: it has another UIDVALIDITY than the one that comes. */
export async function makeRoom({ mailboxes, transfer }: Store, empty: StoredMailbox): Promise<void> {
  const name = `posthorn-import-${empty.id}`;
  await transfer.putMailbox({ ...recordOf(empty), name }, empty.id);
  await mailboxes.remove(empty.account, name);
}
