/** The mailboxes of one person's mail files, for an account of the store. */
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { type Appender, bringFormer, findRecord, openAddition, openReplacement } from './aside.ts';
import { importMailboxMessages } from './import-mailbox.ts';
import type { FileMailbox, FileMailboxes, OnFault } from './mailbox.ts';
import { giveSpecialUse } from './special-use.ts';

export interface FilesImport {
  readonly store: Store;
  readonly account: Id;
  readonly files: FileMailboxes;
  /** People may change what is brought before it is compared. */
  readonly isServed: boolean;
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

export async function importFiles(job: FilesImport): Promise<ImportedFiles> {
  const { store, account, files, isServed, onMessage, onFault } = job;
  const total = { mailboxes: 0, messages: 0, octets: 0, added: 0 };
  const notes: string[] = [];
  const verified = new Set<Id>();
  for (const from of files.mailboxes) {
    try {
      const place = await placeMailbox(store, account, from);
      if (from.subscribed) await store.mailboxes.subscribe(account, from.name, true);
      const done = await importMailboxMessages({ store, from, ...place, isServed, verified, onMessage, onFault });
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

interface Place {
  readonly to: StoredMailbox;
  readonly keepsUids: boolean;
  /** People may use it meanwhile. */
  readonly isSeen: boolean;
  readonly appender: Appender;
}

/** The mailbox here: the one that an earlier run made, a new one, or one that has mail of its own. */
async function placeMailbox(store: Store, account: Id, from: FileMailbox): Promise<Place> {
  const { name, uidValidity, uidNext } = from;
  await bringFormer(store, account, name);
  const here = await findRecord(store, account, name);
  const isOther = here === undefined || here.uidValidity !== uidValidity;
  if (uidValidity !== null && isOther && (here === undefined || here.messages === 0)) {
    const { mailbox, appender } = await openReplacement(store, account, { name, uidNext, uidValidity });
    return { to: mailbox, keepsUids: true, isSeen: false, appender };
  }
  if (here === undefined) await store.mailboxes.create(account, name);
  const to = here ?? (await findRecord(store, account, name));
  if (to === undefined) throw new MailboxError('nonexistent', 'the mailbox that was just made is gone');
  return { to, keepsUids: !isOther, isSeen: true, appender: await openAddition(store, to) };
}
