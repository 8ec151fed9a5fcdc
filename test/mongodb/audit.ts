/**
 * What must be true of a database in which nobody is about anything: each row has its content and each content its rows,
 * counters are sums, and nothing is left over. By the documents alone, without the store's code that reads them.
 */
import type { Db } from 'mongodb';
import { DELETED, SEEN } from '../../src/store/backend/flags.ts';
import { collectionsOf, type Database } from '../../src/store/backend/mongodb/database/database.ts';
import type {
  ContentDocument,
  MailboxDocument,
  MessageDocument,
} from '../../src/store/backend/mongodb/database/documents.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';

/** The faults, in words; none: an empty list. */
export async function audit(db: Db): Promise<string[]> {
  const database = collectionsOf(db.client, db);
  const faults: string[] = [];
  const say = (fault: string): void => void faults.push(fault);
  const [mailboxes, rows, contents] = await Promise.all([
    database.mailboxes.find().toArray(),
    database.messages.find().toArray(),
    database.contents.find().toArray(),
  ]);
  for (const left of [...(await begun(db)), ...(await kept(database))]) say(left);
  await checkAccounts(database, mailboxes, say);
  checkCounters(mailboxes, rows, say);
  await checkReferences(database, rows, contents, say);
  await checkOctets(database, contents, say);
  return faults;
}

type Say = (fault: string) => void;

const idsOf = (documents: Documents): string =>
  documents
    .slice(0, 5)
    .map(({ _id }) => String(_id).slice(0, 40))
    .join(' ');

/** What somebody was about and nobody has finished yet. */
export async function begun(db: Db): Promise<string[]> {
  const { accounts, contents, intents, mailboxes } = collectionsOf(db.client, db);
  return wordsOf({
    'open acceptances': await contents.find({ open: true }).toArray(),
    'late deliveries that were begun': await contents.find({ 'trying.0': { $exists: true } }).toArray(),
    'intents that have not ended': await intents.find({ ended: { $exists: false } }).toArray(),
    'journals with operations': await mailboxes.find({ 'journal.0': { $exists: true } }).toArray(),
    'removed mailboxes': await mailboxes.find({ removed: true }).toArray(),
    'accounts that are being made': await accounts.find({ making: { $exists: true } }).toArray(),
  });
}

/** What is kept for a while, lest somebody goes on who only stood still. */
async function kept({ intents, messages, parts, queue, spools }: Database): Promise<string[]> {
  return wordsOf({
    intents: await intents.find().toArray(),
    spools: await spools.find().toArray(),
    parts: await parts.find().toArray(),
    drafts: await queue.find({ draft: { $exists: true } }).toArray(),
    'claimed expunged messages': await messages.find({ 'gone.to': { $exists: true } }).toArray(),
    'leased items': await queue.find({ claim: { $ne: null } }).toArray(),
  });
}

type Documents = readonly { readonly _id: unknown }[];

const wordsOf = (left: Readonly<Record<string, Documents>>): string[] =>
  Object.entries(left)
    .filter(([, found]) => found.length > 0)
    .map(([what, found]) => `${found.length} ${what}: ${idsOf(found)}`);

async function checkAccounts(database: Database, mailboxes: readonly MailboxDocument[], say: Say): Promise<void> {
  const accounts = await database.accounts.find().toArray();
  const known = new Set(accounts.map(({ _id }) => _id));
  for (const { _id, name, account } of mailboxes)
    if (!known.has(account)) say(`mailbox ${_id} (${name}) of account ${account}, which does not exist`);
  for (const { _id, address, uidValidity } of accounts) {
    const own = mailboxes.filter(({ account }) => account === _id);
    if (!own.some(({ name }) => name === 'INBOX')) say(`${address} has no INBOX`);
    const highest = Math.max(0, ...own.map((mailbox) => mailbox.uidValidity));
    if (highest > uidValidity) say(`${address}: UIDVALIDITY ${highest} can be given again`);
  }
}

function checkCounters(mailboxes: readonly MailboxDocument[], rows: readonly MessageDocument[], say: Say): void {
  const byMailbox = Map.groupBy(rows, ({ mailbox }) => mailbox);
  for (const mailbox of mailboxes) {
    const { _id, name } = mailbox;
    const all = byMailbox.get(_id) ?? [];
    byMailbox.delete(_id);
    const live = all.filter(({ gone }) => gone === undefined);
    const counted = {
      messages: live.length,
      unseen: live.filter(({ mask }) => (mask & SEEN) === 0).length,
      deleted: live.filter(({ mask }) => (mask & DELETED) !== 0).length,
      size: live.reduce((sum, { size }) => sum + size, 0),
    };
    for (const [counter, count] of Object.entries(counted)) {
      const said = mailbox[counter as keyof typeof counted];
      if (said !== count) say(`${name} ${_id}: ${counter} is ${said}, but by its rows ${count}`);
    }
    const highest = all.reduce(
      (most, { uid, modseq }) => ({ uid: Math.max(most.uid, uid), modseq: Math.max(most.modseq, modseq) }),
      { uid: 0, modseq: 0 },
    );
    if (highest.uid >= mailbox.uidNext) say(`${name} ${_id}: UID ${highest.uid} can be given again`);
    if (highest.modseq > mailbox.modseq) say(`${name} ${_id}: a row has MODSEQ ${highest.modseq} of ${mailbox.modseq}`);
    const modseqs = live.map(({ modseq, uid }) => `${modseq}`.concat(` ${uid}`));
    if (new Set(modseqs).size < modseqs.length) say(`${name} ${_id}: rows are there twice`);
  }
  for (const [mailbox, all] of byMailbox) {
    // Those that can be brought back stay without it.
    const some = all.filter(({ gone }) => typeof gone !== 'object');
    if (some.length > 0) say(`${some.length} rows of mailbox ${mailbox}, which does not exist`);
  }
}

/** Rows and items on one side, the references of contents on the other. */
async function checkReferences(
  database: Database,
  rows: readonly MessageDocument[],
  contents: readonly ContentDocument[],
  say: Say,
): Promise<void> {
  const items = await database.queue.find().toArray();
  const users = [
    ...rows
      .filter(({ content }) => content !== undefined)
      .map(({ _id, content, ref }) => ({ _id, key: `${content} ${ref}` })),
    ...items.map(({ _id, content }) => ({ _id, key: `${content} q${_id.slice(_id.lastIndexOf('.') + 1)}` })),
  ];
  const references = new Set(contents.flatMap(({ _id, refs }) => refs.map((ref) => `${_id} ${ref}`)));
  for (const [key, some] of Map.groupBy(users, ({ key }) => key)) {
    if (some.length > 1) say(`the same message twice (${key}): ${idsOf(some)}`);
    if (!references.delete(key)) say(`${idsOf(some)} has no reference in its content (${key})`);
  }
  for (const key of references) say(`nothing uses the reference ${key}`);
  for (const { _id, refs } of contents) if (refs.length === 0) say(`content ${_id} without references`);
}

async function checkOctets(database: Database, contents: readonly ContentDocument[], say: Say): Promise<void> {
  const chunks = new Map(
    (await database.chunks.find().toArray()).map(({ _id, bytes }) => [_id, bytes.length] as const),
  );
  for (const { _id, size, bytes, chunks: spool } of contents) {
    let found = bytes?.length ?? 0;
    for (let number = 0; spool !== undefined && number < Math.ceil(size / CHUNK_SIZE); number += 1) {
      found += chunks.get(`${spool}.${number}`) ?? 0;
      chunks.delete(`${spool}.${number}`);
    }
    if (found !== size) say(`content ${_id} has ${found} of ${size} octets`);
  }
  if (chunks.size > 0) say(`${chunks.size} chunks without content: ${[...chunks.keys()].slice(0, 5).join(' ')}`);
  const known = new Set(contents.map(({ _id }) => _id));
  const texts = await database.searchTexts.find().toArray();
  for (const { _id } of texts) if (!known.has(_id)) say(`text for SEARCH of ${_id}, which does not exist`);
}
