/**
 * One account: itself, its mailboxes by their UIDVALIDITY, their messages, its subscriptions.
 *
 * A mailbox that the source renamed is renamed here; where another one still has the name, that one is moved aside
 * first. Those that the source does not have go last: what was moved out of them is elsewhere by then.
 */
import type { Account, Id } from '../../mail/account.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
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
  const here = await byValidity(job, id);
  const begun: BegunMailbox[] = [];
  for (const mailbox of from) {
    const to = here.get(mailbox.uidValidity);
    if (to === undefined) continue;
    const place = `${account.address} ${mailbox.name}`;
    const copied = await copyMailbox(job, { from: mailbox, to, place });
    if (copied !== null) begun.push(copied);
  }
  await Promise.all(begun.map((mailbox) => mailbox.finish()));
  const wanted = new Set(from.map(({ uidValidity }) => uidValidity));
  for (const { uidValidity, name } of here.values())
    if (!wanted.has(uidValidity)) await target.mailboxes.remove(id, name);
  await copySubscriptions(job, account.id, id);
}

const FIELDS = ['address', 'passwordHash', 'disabled', 'quota', 'createdAt'] as const;

const isSame = (account: Account, known: Account | undefined): known is Account =>
  known !== undefined && FIELDS.every((field) => account[field] === known[field]);

const withoutId = ({ id: _, ...account }: Account): Omit<Account, 'id'> => account;

async function byValidity({ target }: CopyJob, account: Id): Promise<ReadonlyMap<number, StoredMailbox>> {
  const records = await target.transfer.mailboxRecords(account);
  return new Map(records.map((record) => [record.uidValidity, record]));
}

/** Afterwards each of them exists under its name. */
async function placeMailboxes(job: CopyJob, from: readonly StoredMailbox[], account: Id): Promise<void> {
  const { transfer } = job.target;
  const here = await byValidity(job, account);
  const holders = new Map(from.map(({ name, uidValidity }) => [name, uidValidity]));
  const aside = new Set<number>();
  for (const record of here.values()) {
    if ((holders.get(record.name) ?? record.uidValidity) === record.uidValidity) continue;
    await transfer.putMailbox({ ...recordOf(record), name: `posthorn-copy-${record.uidValidity}` });
    aside.add(record.uidValidity);
  }
  const place = async (record: StoredMailbox): Promise<void> => {
    const { name, specialUse, uidValidity } = record;
    const known = here.get(uidValidity);
    if (known?.name === name && known.specialUse === specialUse && !aside.has(uidValidity)) return;
    await transfer.putMailbox({ ...recordOf(known ?? { ...record, ...EMPTY }), account, name, specialUse });
  };
  await Promise.all(from.map(place));
}

/** The counters of a mailbox of which nothing is there. */
const EMPTY = { uidNext: 1, highestModseq: 1, recentFrom: 1, forgotten: 0 } as const;

async function copySubscriptions({ source, target }: CopyJob, from: Id, to: Id): Promise<void> {
  const wanted = new Set(await source.mailboxes.subscriptions(from));
  const present = new Set(await target.mailboxes.subscriptions(to));
  const missing = [...wanted].filter((name) => !present.has(name));
  const surplus = [...present].filter((name) => !wanted.has(name));
  await Promise.all([
    ...missing.map((name) => target.mailboxes.subscribe(to, name, true)),
    ...surplus.map((name) => target.mailboxes.subscribe(to, name, false)),
  ]);
}
