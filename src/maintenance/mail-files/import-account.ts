/** The mailboxes of one person's mail files, for an account of the store. */
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { makeRoom } from '../make-room.ts';
import { importMailboxMessages } from './import-mailbox.ts';
import type { FileMailbox, FileMailboxes, OnFault } from './mailbox.ts';
import { giveSpecialUse } from './special-use.ts';

export interface FilesImport {
  readonly store: Store;
  readonly account: Id;
  readonly files: FileMailboxes;
  onMessage(): void;
  onFault: OnFault;
}

export interface ImportedFiles {
  readonly mailboxes: number;
  readonly messages: number;
  readonly octets: number;
  readonly added: number;
  readonly notes: readonly string[];
}

export async function importFiles({ store, account, files, onMessage, onFault }: FilesImport): Promise<ImportedFiles> {
  const total = { mailboxes: 0, messages: 0, octets: 0, added: 0 };
  const notes: string[] = [];
  const verified = new Set<Id>();
  for (const from of files.mailboxes) {
    try {
      const { to, keepsUids } = await placeMailbox(store, account, from);
      if (from.subscribed) await store.mailboxes.subscribe(account, from.name, true);
      const done = await importMailboxMessages({ store, from, to, keepsUids, verified, onMessage, onFault });
      total.mailboxes += 1;
      total.messages += done.messages;
      total.octets += done.octets;
      total.added += done.added;
      const holder = await giveSpecialUse(store, account, from);
      if (holder !== null) notes.push(`${from.name}: is not ${from.specialUse}, for "${holder}" here has mail and is`);
      if (from.uidValidity === null) notes.push(`${from.name}: there were no UIDs; it was given some`);
      else if (done.renumbered > 0)
        notes.push(
          `${from.name}: ${done.renumbered} messages got other UIDs, because the mailbox here had mail of its own`,
        );
    } catch (error) {
      if (!(error instanceof MailboxError)) throw error;
      onFault(from.name, `not brought: ${messageOf(error)}`);
    }
  }
  for (const name of files.subscriptions) await store.mailboxes.subscribe(account, name, true);
  return { ...total, notes };
}

/** The mailbox here: the one that an earlier run made, a new one, or one that has mail of its own. */
async function placeMailbox(
  store: Store,
  account: Id,
  { name, uidValidity, uidNext }: FileMailbox,
): Promise<{ readonly to: StoredMailbox; readonly keepsUids: boolean }> {
  const record = async (): Promise<StoredMailbox | undefined> =>
    (await store.transfer.mailboxRecords(account)).find((mailbox) => mailbox.name === name);
  const here = await record();
  if (uidValidity === null || (here !== undefined && here.uidValidity !== uidValidity && here.messages > 0)) {
    if (here === undefined) await store.mailboxes.create(account, name);
    return { to: existing(await record()), keepsUids: false };
  }
  if (here === undefined || here.uidValidity !== uidValidity) {
    if (here !== undefined) await makeRoom(store, here);
    await store.transfer.putMailbox(
      {
        account,
        name,
        specialUse: here?.specialUse ?? '',
        uidValidity,
        uidNext,
        highestModseq: 1,
        recentFrom: uidNext,
        forgotten: 1,
      },
      null,
    );
    if (here !== undefined && (await isSubscribed(store, here))) await store.mailboxes.subscribe(account, name, true);
  }
  return { to: existing(await record()), keepsUids: true };
}

const isSubscribed = async ({ mailboxes }: Store, { account, name }: StoredMailbox): Promise<boolean> =>
  (await mailboxes.subscriptions(account)).includes(name);

function existing(mailbox: StoredMailbox | undefined): StoredMailbox {
  if (mailbox === undefined) throw new Error('a mailbox that was just made is not there');
  return mailbox;
}
