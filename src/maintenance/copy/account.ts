/**
 * One account: itself, its mailboxes, their messages, expunged ones that are kept, its subscriptions.
 *
 * A mailbox that the source renamed is renamed here; where another one still has the name, that one is moved aside
 * first. Those that the source does not have go last: what was moved out of them is elsewhere by then.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Account, Id } from '../../mail/account.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { pairMailboxes } from '../pair-mailboxes.ts';
import { copyExpunged } from './expunged.ts';
import type { CopyJob } from './job.ts';
import { type BegunMailbox, copyMailbox, recordOf } from './mailbox.ts';

/** `known`: the account of this address on the other side. */
export async function copyAccount(job: CopyJob, account: Account, known: Account | undefined): Promise<void> {
  const { source, target } = job;
  const from = await source.transfer.mailboxRecords(account.id);
  // There is always INBOX: the account was removed meanwhile.
  if (from.length === 0) return;
  const { id } = isSame(account, known) ? known : await target.transfer.putAccount(withoutId(account));
  await placeMailboxes(job, from, id);
  const { known: placed, others } = pairMailboxes(from, await target.transfer.mailboxRecords(id));
  const begun: BegunMailbox[] = [];
  for (const [mailbox, to] of placed) {
    const place = `${account.address} ${mailbox.name}`;
    const copied = await copyMailbox(job, { from: mailbox, to, place });
    if (copied !== null) begun.push(copied);
  }
  const surplus = await copyExpunged(job, { from: account.id, to: id, address: account.address });
  await Promise.all(begun.map((mailbox) => mailbox.finish()));
  for (const { name } of others) await target.mailboxes.remove(id, name);
  if (surplus.length > 0) await target.transfer.removeExpunged(surplus);
  job.tally.removed += surplus.length;
  await copySubscriptions(job, account.id, id);
}

const isSame = (account: Account, known: Account | undefined): known is Account =>
  known !== undefined && isDeepStrictEqual(withoutId(account), withoutId(known));

const withoutId = ({ id: _, ...account }: Account): Omit<Account, 'id'> => account;

/** Afterwards each of them exists under its name. */
async function placeMailboxes(job: CopyJob, from: readonly StoredMailbox[], account: Id): Promise<void> {
  const { transfer } = job.target;
  const here = await transfer.mailboxRecords(account);
  const { known } = pairMailboxes(from, here);
  const wanted = new Map([...known].map(([{ name }, { id }]) => [id, name]));
  const names = new Set(from.map(({ name }) => name));
  const aside = new Set<Id>();
  for (const record of here) {
    if (!names.has(record.name) || wanted.get(record.id) === record.name) continue;
    await transfer.putMailbox({ ...recordOf(record), name: `posthorn-copy-${record.id}` }, record.id);
    aside.add(record.id);
  }
  const place = async (record: StoredMailbox): Promise<void> => {
    const { name, specialUse } = record;
    const to = known.get(record);
    if (to?.name === name && to.specialUse === specialUse && !aside.has(to.id)) return;
    const equal = { ...recordOf(to ?? { ...record, ...EMPTY }), account, name, specialUse };
    await transfer.putMailbox(equal, to?.id ?? null);
  };
  // A backend may tell those that have the same UIDVALIDITY apart by their order.
  const groups = [...Map.groupBy(from, ({ uidValidity }) => uidValidity).values()];
  await Promise.all(
    groups.map(async (records) => {
      for (const record of records) await place(record);
    }),
  );
}

/** The counters of a mailbox of which nothing is there. */
const EMPTY = { uidNext: 1, highestModseq: 1, recentFrom: 1, forgotten: 0 } as const;

async function copySubscriptions({ source, target }: CopyJob, from: Id, to: Id): Promise<void> {
  const wanted = new Set(await source.mailboxes.subscriptions(from));
  const present = new Set(await target.mailboxes.subscriptions(to));
  for (const name of wanted) if (!present.has(name)) await target.mailboxes.subscribe(to, name, true);
  for (const name of present) if (!wanted.has(name)) await target.mailboxes.subscribe(to, name, false);
}
