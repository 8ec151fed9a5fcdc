/**
 * Mailboxes of an import that nobody uses: they are filled there, and what is complete goes to where people see it. So
 * the server may serve meanwhile: a session is never shown a UID below one that it has seen, and mail that arrives never
 * gets the UID that a message of the other program has.
 */
import type { Id } from '../../mail/account.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { Store } from '../../store/store.ts';
import type { MessageRecord, StoredMailbox } from '../../store/transfer.ts';
import { recordOf } from '../copy/mailbox.ts';
import { EVERY_UID } from '../rows.ts';
import type { FileMailbox } from './mailbox.ts';

const asideName = (name: string): string => `posthorn-import.${name}`;
/** The mailbox that was there before, until its mail is in the new one. */
const formerName = (name: string): string => `posthorn-import-former.${name}`;
/** Another session may make a mailbox of the name again and again. */
const TRIES = 5;
const LAST_UID = 0xffff_fffe;

/** A message without a UID gets one. */
export type NewMessage = Omit<MessageRecord, 'uid' | 'modseq'> & { readonly uid: number | null };

/** Where messages are added. */
export interface Appender {
  /** Resolves with the UIDs that they have got, when they are durable. */
  append(messages: readonly NewMessage[]): Promise<readonly number[]>;
  /** UIDs that are given from now on are not below this one. */
  raise(uidNext: number): Promise<void>;
  /** Everything is added. */
  end(): Promise<void>;
}

export async function findRecord({ transfer }: Store, account: Id, name: string): Promise<StoredMailbox | undefined> {
  return (await transfer.mailboxRecords(account)).find((mailbox) => mailbox.name === name);
}

async function existing(store: Store, account: Id, name: string): Promise<StoredMailbox> {
  const found = await findRecord(store, account, name);
  if (found === undefined) throw new Error(`${name}: the mailbox is gone that was just made`);
  return found;
}

/** Mail that an interrupted run has left beside the mailbox of this name goes into it. */
export async function bringFormer(store: Store, account: Id, name: string): Promise<void> {
  const former = await findRecord(store, account, formerName(name));
  const target = await findRecord(store, account, name);
  if (former === undefined || target === undefined) return;
  if (former.messages > 0) await store.mailboxes.move(former.id, EVERY_UID, target.id);
  await store.mailboxes.remove(account, former.name);
}

/** A mailbox with the other program's UIDs, filled aside; what an interrupted run has put there stays. */
export async function openReplacement(
  store: Store,
  account: Id,
  { name, uidNext, uidValidity }: Pick<FileMailbox, 'name' | 'uidNext'> & { readonly uidValidity: number },
): Promise<{ readonly mailbox: StoredMailbox; readonly appender: Appender }> {
  const aside = asideName(name);
  const left = await findRecord(store, account, aside);
  if (left !== undefined && left.uidValidity !== uidValidity) await discard(store, left);
  if (left?.uidValidity !== uidValidity)
    await store.transfer.putMailbox(
      {
        account,
        name: aside,
        specialUse: '',
        uidValidity,
        uidNext,
        highestModseq: 1,
        recentFrom: uidNext,
        forgotten: 1,
      },
      null,
    );
  const mailbox = await existing(store, account, aside);
  let next = uidNext;
  for await (const rows of store.mailboxes.rows(mailbox.id, EVERY_UID, {}))
    for (const { uid } of rows) next = Math.max(next, uid + 1);
  return {
    mailbox,
    appender: {
      async append(messages) {
        const records = messages.map((message) => ({ ...message, uid: message.uid ?? next++, modseq: 1 }));
        if (next > LAST_UID) throw new MailboxError('limit', 'the mailbox has no UIDs left');
        await store.transfer.putMessages(mailbox.id, records);
        const uids = records.map(({ uid }) => uid);
        next = uids.reduce((most, uid) => Math.max(most, uid + 1), next);
        return uids;
      },
      async raise(above) {
        next = Math.max(next, above);
      },
      end: () => replace(store, mailbox, { name, uidNext: next }),
    },
  };
}

/** The mailbox takes the place of the one with the name, whose mail goes into it. */
async function replace(
  store: Store,
  { id, account }: StoredMailbox,
  { name, uidNext }: Pick<FileMailbox, 'name' | 'uidNext'>,
): Promise<void> {
  const { transfer } = store;
  for (let left = TRIES; ; left -= 1) {
    const here = await findRecord(store, account, name);
    const aside = await existing(store, account, asideName(name));
    // In one go: mail that arrives always finds a mailbox of the name.
    const [moved, placed] = await Promise.allSettled([
      here === undefined
        ? null
        : transfer.putMailbox({ ...recordOf(here), name: formerName(name), specialUse: '' }, here.id),
      transfer.putMailbox({ ...recordOf(aside), name, uidNext, specialUse: here?.specialUse ?? '' }, id),
    ]);
    if (moved.status === 'rejected') throw moved.reason;
    if (placed.status === 'fulfilled') break;
    const { reason } = placed;
    if (left === 0 || !(reason instanceof MailboxError && reason.reason === 'alreadyexists')) throw reason;
    await bringFormer(store, account, name);
  }
  await bringFormer(store, account, name);
}

/** Nothing of it can be brought back by `undelete`, for it was never seen. */
async function discard(store: Store, { id, account, name }: StoredMailbox): Promise<void> {
  for await (const rows of store.mailboxes.rows(id, EVERY_UID, {}))
    await store.transfer.removeMessages(
      id,
      rows.map(({ uid }) => uid),
      1,
    );
  await store.mailboxes.remove(account, name);
}

/**
 * Adds to a mailbox that people use: as mail that arrives, but with the UIDs of the messages where nothing has got them
 * yet.
 */
export async function openAddition(store: Store, to: StoredMailbox): Promise<Appender> {
  const { account, id, name } = to;
  const left = await findRecord(store, account, asideName(name));
  if (left !== undefined) await discard(store, left);
  let aside: Id | null = null;
  let next = 1;

  const raise = async (uidNext: number): Promise<void> => {
    const now = (await store.transfer.mailboxRecords(account)).find((mailbox) => mailbox.id === id);
    if (now !== undefined && now.uidNext < uidNext)
      await store.transfer.putMailbox({ ...recordOf(now), uidNext }, now.id);
  };

  return {
    async append(messages) {
      aside ??= (await store.mailboxes.create(account, asideName(name))).id;
      const first = next;
      next += messages.length;
      await store.transfer.putMessages(
        aside,
        messages.map((message, index) => ({ ...message, uid: first + index, modseq: 1 })),
      );
      const given: number[] = [];
      for (const [from, end] of runsOf(messages)) {
        const wanted = messages[from]?.uid ?? null;
        if (wanted !== null) await raise(wanted);
        const { pairs } = await store.mailboxes.move(aside, [[first + from, first + end - 1]], id);
        if (pairs.length !== end - from) throw new Error(`${asideName(name)}: another session has changed it`);
        given.push(...pairs.map(([, uid]) => uid));
      }
      return given;
    },
    raise,
    async end() {
      if (aside !== null) await store.mailboxes.remove(account, asideName(name));
    },
  };
}

/** Index ranges (the end is exclusive) of messages whose UIDs follow one another, or that have none. */
function runsOf(messages: readonly NewMessage[]): [from: number, end: number][] {
  const runs: [number, number][] = [];
  for (const [index, { uid }] of messages.entries()) {
    const before = messages[index - 1]?.uid ?? null;
    const run = runs.at(-1);
    if (run !== undefined && (uid === null ? before === null : before === uid - 1)) run[1] = index + 1;
    else runs.push([index, index + 1]);
  }
  return runs;
}
