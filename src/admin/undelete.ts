/**
 * `posthorn undelete`: what users expunged comes back. Bringing back is done folder by folder, some hundreds of messages
 * in a step; whoever is killed in between calls it again, for what is back is not kept any more.
 */

import type { Account } from '../mail/account.ts';
import type { Mailbox } from '../mail/mailbox.ts';
import { contentRecords } from '../maintenance/content-records.ts';
import type { ExpungedMessage } from '../store/expunged.ts';
import { MailboxError } from '../store/mailboxes.ts';
import { existing } from './accounts.ts';
import { type AdminServices, type Arguments, type Operation, OperationError, optionalText } from './operation.ts';

/** Messages that a listing shows: those that were expunged last. */
const LISTED = 1000;

/** An expunged message as it is listed. */
export interface ListedExpunged {
  readonly folder: string;
  readonly expunged: string;
  readonly date: string;
  /** Octets. */
  readonly size: number | null;
  readonly flags: readonly string[];
  readonly messageId: string;
  /** In lower case, as prepared for SEARCH. */
  readonly from: string;
  readonly subject: string;
}

export interface Undeleted {
  readonly address: string;
  readonly folders: readonly { readonly folder: string; readonly messages: number; readonly made: boolean }[];
}

interface Found {
  readonly message: ExpungedMessage;
  /** Where it was: the mailbox as it is called now, or was called when it went. */
  readonly folder: string;
}

/** Pages of what is asked for: of one folder, by either of its names, expunged in the last `since` milliseconds. */
async function* wanted(
  { store, clock }: AdminServices,
  account: Account,
  given: Arguments,
): AsyncIterable<readonly Found[]> {
  const since = given['since'] === undefined ? null : clock() - Number(given['since']);
  const asked = optionalText(given, 'folder');
  const only = asked === undefined ? null : folded(asked);
  const mailboxes = Map.groupBy(await store.mailboxes.list(account.id), ({ uidValidity }) => uidValidity);
  for await (const messages of store.expunged.list(account.id))
    yield messages
      .filter(({ expungedAt }) => since === null || expungedAt >= since)
      .map((message) => ({ message, folder: folderOf(message, mailboxes.get(message.uidValidity) ?? []) }))
      .filter(({ message, folder }) => only === null || folder === only || message.mailbox === only);
}

/** An import may have made several mailboxes with the same UIDVALIDITY. */
function folderOf({ mailbox }: ExpungedMessage, same: readonly Mailbox[]): string {
  const named = same.find(({ name }) => name === mailbox);
  return (named ?? same[0])?.name ?? mailbox;
}

const folded = (name: string): string => (/^inbox$/i.test(name) ? 'INBOX' : name);

async function listExpunged(
  services: AdminServices,
  given: Arguments,
): Promise<{ address: string; count: number; messages: readonly ListedExpunged[] }> {
  const account = await existing(services, given);
  let last: Found[] = [];
  let count = 0;
  for await (const some of wanted(services, account, given)) {
    count += some.length;
    last = [...last, ...some].sort((a, b) => b.message.expungedAt - a.message.expungedAt).slice(0, LISTED);
  }
  const records = await contentRecords(
    services.store,
    last.map(({ message }) => message.content),
  );
  const messages = last.map(({ message, folder }): ListedExpunged => {
    const record = records.get(message.content);
    const known = record === undefined || record === null || record instanceof Error ? null : record;
    return {
      folder,
      expunged: new Date(message.expungedAt).toISOString(),
      date: new Date(message.internalDate).toISOString(),
      size: known === null ? null : known.size + Buffer.byteLength(message.prefix),
      flags: message.flags,
      messageId: known?.index.messageId ?? '',
      from: known?.index.search.from ?? '',
      subject: known?.index.search.subject ?? '',
    };
  });
  return { address: account.address, count, messages };
}

async function restore(services: AdminServices, given: Arguments): Promise<Undeleted> {
  const account = await existing(services, given);
  const to = optionalText(given, 'to');
  const counts = new Map<string, { messages: number; made: boolean }>();
  for await (const some of wanted(services, account, given)) {
    for (const [folder, found] of Map.groupBy(some, (one) => (to === undefined ? one.folder : folded(to)))) {
      const before = counts.get(folder) ?? { messages: 0, made: false };
      const { id, made } = await target(services, account, folder, given['dryRun'] === true);
      const ids = found.map(({ message }) => message.id);
      const messages = id === null ? ids.length : await services.store.expunged.restore(ids, id);
      counts.set(folder, { messages: before.messages + messages, made: before.made || made });
    }
  }
  const folders = [...counts].map(([folder, count]) => ({ folder, ...count }));
  return { address: account.address, folders };
}

/** The folder, made if it is gone; without an id where nothing is to be done. Clients list what is subscribed. */
async function target(
  { store: { mailboxes } }: AdminServices,
  { id: account }: Account,
  folder: string,
  dryRun: boolean,
): Promise<{ readonly id: Mailbox['id'] | null; readonly made: boolean }> {
  const found = await mailboxes.find(account, folder);
  if (dryRun) return { id: null, made: found === null };
  if (found !== null) return { id: found.id, made: false };
  const { id, name } = await mailboxes.create(account, folder);
  await mailboxes.subscribe(account, name, true);
  return { id, made: true };
}

/** What the store refuses is the operator's to know. */
const refusing =
  (operation: Operation): Operation =>
  async (services, given) => {
    try {
      return await operation(services, given);
    } catch (error) {
      throw error instanceof MailboxError ? new OperationError(error.message, { cause: error }) : error;
    }
  };

export const undeleteOperations: Readonly<Record<string, Operation>> = {
  'expunged.list': refusing(listExpunged),
  'expunged.restore': refusing(restore),
};
