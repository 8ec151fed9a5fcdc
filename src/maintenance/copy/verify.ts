/**
 * Compares both sides of a copy, whatever the copy believes: accounts, mailboxes, every row, the queue. The octets of
 * contents were compared when they were copied; with `thorough` those of all messages are read again on both sides.
 * The source must not change meanwhile.
 */
import type { Account, Id } from '../../mail/account.ts';
import type { MessageRow, UidRanges } from '../../store/mailboxes.ts';
import type { StateEntry } from '../../store/plugin-states.ts';
import type { StoreSource } from '../../store/source.ts';
import type { StoredMailbox } from '../../store/transfer.ts';
import { EVERY_UID, LAST_UID } from '../rows.ts';
import { together } from '../together.ts';
import { ContentComparison, type ContentPair } from './compare-contents.ts';
import { Comparison } from './comparison.ts';
import { textOf } from './expunged.ts';
import { pairsOfStates } from './plugin-states.ts';
import { pairsOf, recordOf, sameItems } from './queue.ts';
import type { Tally } from './tally.ts';

/** Accounts compared at the same time. */
const AT_ONCE = 4;

interface Sides {
  readonly source: StoreSource;
  readonly target: StoreSource;
  readonly comparison: Comparison;
  /** Null: contents are not read again. */
  readonly contents: ContentComparison | null;
  readonly tally: Tally;
}

export async function verifyCopy(
  source: StoreSource,
  target: StoreSource,
  { tally, thorough }: { readonly tally: Tally; readonly thorough: boolean },
): Promise<Comparison> {
  const comparison = new Comparison();
  const contents = thorough ? new ContentComparison(source, target, comparison) : null;
  const sides = { source, target, comparison, contents, tally };
  tally.seen = 0;
  if (!thorough) comparison.note('contents', tally.contents);
  const [from, to] = [await accountsOf(source), await accountsOf(target)];
  comparison.compareMaps('accounts', '', fieldsOf(from), fieldsOf(to));
  comparison.compareMaps('aliases', '', await aliasesOf(source), await aliasesOf(target));
  comparison.compareMaps('domains', '', await domainsOf(source), await domainsOf(target));
  await together(from, AT_ONCE, async ([address, account]) => {
    const copied = to.get(address);
    if (copied !== undefined) await verifyAccount(sides, account, copied);
  });
  await verifyQueue(sides);
  for await (const [wanted, present] of pairsOfStates(source, target)) {
    const { plugin, key } = wanted ?? (present as StateEntry);
    comparison.compare('plugin states', `${plugin} ${key}`, fieldsOfState(wanted), fieldsOfState(present));
  }
  const [given, known] = [await source.transfer.uidValidity(), await target.transfer.uidValidity()];
  if (known < given) comparison.differ('mailboxes', 'all', `UIDVALIDITY ${known} could be given again, up to ${given}`);
  return comparison;
}

const fieldsOfState = (entry: StateEntry | undefined) => entry && { value: entry.value, expiresAt: entry.expiresAt };

const accountsOf = async ({ directory }: StoreSource): Promise<ReadonlyMap<string, Account>> =>
  new Map((await directory.list()).map((account) => [account.address, account]));

const fieldsOf = (accounts: ReadonlyMap<string, Account>) =>
  new Map([...accounts].map(([address, { id: _, ...fields }]) => [address, fields]));

const aliasesOf = async ({ directory }: StoreSource) =>
  new Map([...(await directory.aliases())].map(([address, targets]) => [address, { targets }]));

const domainsOf = async ({ directory }: StoreSource) =>
  new Map((await directory.domains()).map((domain) => [domain, {}]));

async function verifyAccount(sides: Sides, { id, address }: Account, copied: Account): Promise<void> {
  const { source, target, comparison } = sides;
  const [from, to] = [await mailboxesOf(source, id), await mailboxesOf(target, copied.id)];
  comparison.compareMaps('mailboxes', `${address} `, mailboxFields(from), mailboxFields(to));
  for (const [name, mailbox] of from) {
    const other = to.get(name);
    if (other !== undefined) await verifyRows(sides, `${address} ${name}`, mailbox.id, other);
  }
  await verifyExpunged(sides, address, id, copied.id);
  comparison.compareMaps(
    'subscriptions',
    `${address} `,
    await subscriptionsOf(source, id),
    await subscriptionsOf(target, copied.id),
  );
}

const mailboxesOf = async ({ transfer }: StoreSource, account: Id): Promise<ReadonlyMap<string, StoredMailbox>> =>
  new Map((await transfer.mailboxRecords(account)).map((mailbox) => [mailbox.name, mailbox]));

/** What must be equal: not the ids, nor how long expunges are remembered. */
const mailboxFields = (mailboxes: ReadonlyMap<string, StoredMailbox>) =>
  new Map([...mailboxes].map(([name, { id: _, account: __, forgotten: ___, ...mailbox }]) => [name, mailbox]));

const subscriptionsOf = async ({ mailboxes }: StoreSource, account: Id) =>
  new Map((await mailboxes.subscriptions(account)).map((name) => [name, {}]));

async function verifyRows(sides: Sides, place: string, from: Id, to: StoredMailbox): Promise<void> {
  const { source, target, comparison, contents, tally } = sides;
  let next = 1;
  const compare = async (rows: readonly MessageRow[], among: UidRanges): Promise<void> => {
    const wanted = new Map(rows.map((row) => [row.uid, row]));
    const present = new Map<number, MessageRow>();
    for await (const page of target.mailboxes.rows(to.id, among, {})) for (const row of page) present.set(row.uid, row);
    for (const uid of new Set([...wanted.keys(), ...present.keys()])) {
      const [row, copied] = [wanted.get(uid), present.get(uid)];
      comparison.compare('messages', `${place} UID ${uid}`, fieldsOfRow(row), fieldsOfRow(copied));
    }
    await contents?.compare(rows.flatMap((row) => pairOf(`${place} UID ${row.uid}`, row, present.get(row.uid))));
    tally.seen += rows.length;
  };
  for await (const rows of source.mailboxes.rows(from, EVERY_UID, {})) {
    const last = rows.at(-1)?.uid ?? 0;
    await compare(rows, [[next, last]]);
    next = last + 1;
  }
  await compare([], [[next, LAST_UID]]);
}

async function verifyExpunged(sides: Sides, address: string, from: Id, to: Id): Promise<void> {
  const { source, target, comparison, contents } = sides;
  const copied = new Map<string, Id>();
  for await (const messages of target.expunged.list(to))
    for (const message of messages) copied.set(textOf(message), message.content);
  for await (const messages of source.expunged.list(from))
    for (const message of messages) {
      const place = `${address} ${message.mailbox} UID ${message.uid}, expunged`;
      const content = copied.get(textOf(message));
      comparison.compare('expunged messages', place, {}, content === undefined ? undefined : {});
      copied.delete(textOf(message));
      if (content !== undefined) await contents?.compare([{ place, from: message.content, to: content }]);
    }
  for (const text of copied.keys()) comparison.compare('expunged messages', `${address} ${text}`, undefined, {});
}

function fieldsOfRow(row: MessageRow | undefined): Record<string, unknown> | undefined {
  if (row === undefined) return undefined;
  const { modseq, internalDate, size, prefix, sentAt } = row;
  return { modseq, flags: row.flags.toSorted(), internalDate, size, prefix, sentAt };
}

type WithContent = { readonly content: Id };

/** Where one is not there, that is a difference already. */
const pairOf = (place: string, from: WithContent, to: WithContent | undefined): ContentPair[] =>
  to === undefined ? [] : [{ place, from: from.content, to: to.content }];

async function verifyQueue({ source, target, comparison, contents }: Sides): Promise<void> {
  for await (const [wanted, present] of pairsOf(source, target)) {
    for (const [queueId, items] of wanted) {
      const copied = present.get(queueId) ?? [];
      const place = `queue ${queueId}`;
      const same = sameItems(items, copied);
      comparison.compare(
        'queue items',
        place,
        { items: same || items.map(recordOf) },
        { items: same || copied.map(recordOf) },
      );
      await contents?.compare(items.slice(0, 1).flatMap((item) => pairOf(place, item, copied[0])));
    }
  }
  for await (const [present, wanted] of pairsOf(target, source)) {
    for (const queueId of present.keys())
      if (!wanted.has(queueId)) comparison.compare('queue items', `queue ${queueId}`, undefined, {});
  }
}
