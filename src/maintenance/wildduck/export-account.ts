/**
 * An account with its mail, as WildDuck's own `create` makes a user (lib/user-handler.js): it cannot be used until it is
 * complete, and an interrupted one is to be removed and exported again.
 */

import type { ObjectId } from 'mongodb';
import { messageOf } from '../../errors.ts';
import type { Account } from '../../mail/account.ts';
import { domainOf } from '../../mail/address.ts';
import { SYSTEM_FLAGS } from '../../mail/mailbox.ts';
import type { MessageRow } from '../../store/mailboxes.ts';
import { wholeMessage } from '../../store/message-octets.ts';
import type { Store } from '../../store/store.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { EVERY_UID } from '../rows.ts';
import { exportMessage, type MailboxTarget } from './export-message.ts';
import type { Problem, TransferredAccount } from './report.ts';
import { isConnectionLost, type WildDuck } from './source.ts';
import { viewOf } from './users.ts';

export interface AccountExport {
  readonly target: WildDuck;
  readonly store: Store;
  readonly account: Account;
  /** In WildDuck's form; '' for one that nobody can log in with. */
  readonly password: string;
  readonly notes: readonly string[];
  onMessage(): void;
  onProblem(problem: Omit<Problem, 'account'>): void;
}

/** Whether WildDuck has a user or an address that it takes for the same. */
export async function isTaken({ users }: WildDuck, address: string): Promise<boolean> {
  const view = viewOf(address);
  const found = await Promise.all([
    users.collection('users').findOne({ unameview: view }),
    users.collection('addresses').findOne({ addrview: view }),
  ]);
  return found.some((document) => document !== null);
}

export async function exportAccount(job: AccountExport): Promise<TransferredAccount & { readonly user: ObjectId }> {
  const { target, store, account } = job;
  const users = target.users.collection('users');
  const { insertedId: user } = await users.insertOne(userDocument(account));
  const subscriptions = await store.mailboxes.subscriptions(account.id);
  const total = { mailboxes: 0, messages: 0, octets: 0 };
  for (const mailbox of await store.transfer.mailboxRecords(account.id)) {
    const done = await exportMailbox(job, user, mailbox, subscriptions);
    total.mailboxes += 1;
    total.messages += done.messages;
    total.octets += done.octets;
  }
  await addAddress(target, account.address, { user });
  await users.updateOne(
    { _id: user },
    {
      $set: {
        address: account.address,
        password: job.password,
        storageUsed: total.octets,
        activated: true,
        disabled: account.disabled,
      },
    },
  );
  return { user, address: account.address, ...total, added: total.messages, notes: job.notes };
}

/** An address of a user, or one that forwards. */
export async function addAddress(target: WildDuck, address: string, more: object): Promise<void> {
  await target.users
    .collection('addresses')
    .insertOne({ address, addrview: viewOf(address), created: new Date(), ...more });
  const domain = domainOf(address);
  await target.users.collection('domaincache').updateOne({ domain }, { $set: { domain } }, { upsert: true });
}

const userDocument = ({ address, quota, createdAt }: Account) => ({
  username: address,
  unameview: viewOf(address),
  name: '',
  password: '',
  enabled2fa: [],
  seed: '',
  pendingSeed: '',
  pendingSeedChanged: false,
  webauthn: { credentials: [] },
  authVersion: 1,
  address: '',
  language: '',
  storageUsed: 0,
  quota,
  recipients: 0,
  forwards: 0,
  filters: 0,
  imapMaxUpload: 0,
  imapMaxDownload: 0,
  pop3MaxDownload: 0,
  pop3MaxMessages: 0,
  imapMaxConnections: 0,
  receivedMax: 0,
  targets: [],
  autoreply: false,
  uploadSentMessages: false,
  pubKey: '',
  encryptMessages: false,
  encryptForwarded: false,
  spamLevel: 50,
  retention: 0,
  disabledScopes: [],
  lastLogin: { time: false, authEvent: false, ip: false },
  metaData: '',
  internalData: '',
  activated: false,
  disabled: true,
  suspended: false,
  featureFlags: {},
  created: new Date(createdAt),
});

async function exportMailbox(
  job: AccountExport,
  user: ObjectId,
  mailbox: StoredMailbox,
  subscriptions: readonly string[],
): Promise<{ messages: number; octets: number }> {
  const { target, store } = job;
  const { name, specialUse, uidValidity, uidNext, highestModseq } = mailbox;
  const mailboxes = target.main.collection('mailboxes');
  const { insertedId } = await mailboxes.insertOne({
    user,
    path: name,
    specialUse: specialUse === '' ? null : specialUse,
    uidValidity,
    uidNext,
    modifyIndex: highestModseq,
    subscribed: subscriptions.includes(name),
    flags: [],
    retention: 0,
  });
  const keywords = new Set<string>();
  let messages = 0;
  let octets = 0;
  for await (const rows of store.mailboxes.rows(mailbox.id, EVERY_UID, {})) {
    for (const row of rows) {
      job.onMessage();
      for (const flag of row.flags) if (!(SYSTEM_FLAGS as readonly string[]).includes(flag)) keywords.add(flag);
      if (!(await isWritten(job, { _id: insertedId, user, path: name, specialUse }, row))) continue;
      messages += 1;
      octets += row.size;
    }
  }
  await mailboxes.updateOne({ _id: insertedId }, { $set: { flags: [...keywords] } });
  return { messages, octets };
}

async function isWritten(job: AccountExport, mailbox: MailboxTarget, row: MessageRow): Promise<boolean> {
  const onProblem = (problem: string): void => job.onProblem({ mailbox: mailbox.path, uid: row.uid, problem });
  try {
    const exact = await exportMessage(job.target, mailbox, row, await wholeMessage(job.store.content, row));
    if (!exact) onProblem('WildDuck sends it with another line end: it has no header, or no line end at its end');
    return true;
  } catch (error) {
    if (isConnectionLost(error)) throw error;
    onProblem(`not exported: ${messageOf(error)}`);
    return false;
  }
}
