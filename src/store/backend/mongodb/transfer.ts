/** Mail of another store, put here as it was there. Only one process writes meanwhile, so rows are written directly. */
import type { AnyBulkWriteOperation } from 'mongodb';
import type { Account, Id } from '../../../mail/account.ts';
import { addressKey } from '../../../mail/address.ts';
import type { MessageIndex } from '../../../mail/message.ts';
import { CHUNK_SIZE, type ContentDraft } from '../../content.ts';
import { MailboxError } from '../../mailboxes.ts';
import type {
  ContentRecord,
  ExpungedRecord,
  MailboxRecord,
  MessageRecord,
  StoredMailbox,
  Transfer,
} from '../../transfer.ts';
import { DELETED, parseFlags, SEEN } from '../flags.ts';
import { toColumns } from '../index-columns.ts';
import { checkName } from '../names.ts';
import { dropSpool, takeSpool, writeChunks } from './acceptance/content.ts';
import { putItems } from './acceptance/put-items.ts';
import type { Context } from './context.ts';
import {
  type ContentDocument,
  keysUnder,
  type MailboxDocument,
  type MessageDocument,
  mailboxKey,
  messageKey,
  oneMailbox,
} from './database/documents.ts';
import { insertMissing, isDuplicate } from './database/insert.ts';
import { addReferences, dropReferences, endWaiting, slices, WAITING } from './database/references.ts';
import type { MongoDirectory } from './directory.ts';
import { newId } from './log/mailbox-state.ts';
import { releaseKept } from './mailboxes/kept-rows.ts';
import { newMailbox, toMailbox } from './mailboxes/tree.ts';

/** Rows and contents per query. */
const SLICE = 1000;

type Counts = Pick<MailboxDocument, 'messages' | 'unseen' | 'deleted' | 'size'>;
type Counted = Pick<MessageDocument, 'mask' | 'size'>;

export function createTransfer(context: Context, directory: MongoDirectory): Transfer {
  const { database, mailboxes, by, clock } = context;
  return {
    async mailboxRecords(account) {
      const found = await database.mailboxes
        .find({ account: String(account), removed: { $exists: false } }, { batchSize: 10_001 })
        .toArray();
      await mailboxes.bringIn(found);
      return found.map(toRecord);
    },
    async contentRecords(contents) {
      const found = await findContents(context, contents.map(String));
      return contents.map((content) => found.get(String(content)) ?? null);
    },
    async contentsOf(queueIds) {
      const found = await database.contents
        .find(
          { _id: { $in: [...queueIds] }, 'refs.0': { $exists: true } },
          { projection: { _id: 1 }, batchSize: queueIds.length + 1 },
        )
        .toArray();
      const known = new Set(found.map(({ _id }) => _id));
      return queueIds.map((queueId) => (known.has(queueId) ? queueId : null));
    },
    async uidValidity() {
      const [raised, [highest]] = await Promise.all([
        database.meta.findOne({ _id: 'uidvalidity' }),
        database.accounts.find({}, { sort: { uidValidity: -1 }, limit: 1, projection: { uidValidity: 1 } }).toArray(),
      ]);
      return Math.max(raised?.version ?? 0, highest?.uidValidity ?? 0);
    },
    async raiseUidValidity(to) {
      await database.meta.updateOne({ _id: 'uidvalidity' }, { $max: { version: to } }, { upsert: true });
    },
    async copyMark() {
      const mark = await database.meta.findOne({ _id: 'copy' });
      return mark === null ? null : { of: mark.of ?? '', complete: mark.version > 0 };
    },
    async markCopy(mark) {
      if (mark === null) await database.meta.deleteOne({ _id: 'copy' });
      else
        await database.meta.updateOne(
          { _id: 'copy' },
          { $set: { of: mark.of, version: mark.complete ? 1 : 0 } },
          { upsert: true },
        );
    },

    async putAccount({ address: given, ...fields }): Promise<Account> {
      const address = addressKey(given);
      const { matchedCount } = await database.accounts.updateOne({ address }, { $set: fields });
      if (matchedCount === 0)
        await database.accounts.insertOne({ _id: newId(), address, ...fields, uidValidity: 0, subscriptions: [] });
      const stored = await database.accounts.findOne({ address });
      if (stored === null) throw new Error(`the account ${address} vanished while it was being put`);
      directory.changed(stored._id);
      return { id: stored._id, address, ...fields };
    },
    putMailbox: (record, as) => putMailbox(context, record, as),
    putContent: (record, draft) => putContent(context, record, draft),
    putMessages: (mailbox, messages) => putMessages(context, String(mailbox), messages),
    removeMessages: (mailbox, uids, modseq) => removeMessages(context, String(mailbox), uids, modseq),
    putExpunged: (account, messages) => putExpunged(context, String(account), messages),
    removeExpunged: (messages) => releaseKept(database, messages.map(String)),
    putItems: (content, items) => putItems(context, String(content), items),
  };

  async function putContent({ database: store }: Context, record: ContentRecord, given: ContentDraft): Promise<Id> {
    const { queueId, size } = record;
    const isLong = given.kind === 'inline' && given.bytes.length > CHUNK_SIZE;
    const draft = isLong ? await writeChunks(store, by, clock, given.bytes) : given;
    if (draft.kind === 'spooled' && !(await takeSpool(store, String(draft.spool), queueId)))
      throw new Error(`spool ${draft.spool} does not exist: it was discarded, accepted before, or swept`);
    const document: ContentDocument = {
      _id: queueId,
      by,
      appended: [],
      refs: [WAITING],
      waiting: clock(),
      size,
      arrivedAt: record.arrivedAt,
      local: false,
      ...record.envelope,
      ...toColumns(record.index),
      ...(draft.kind === 'inline' ? { bytes: draft.bytes } : { chunks: String(draft.spool) }),
    };
    const isKnown = (await insertMissing(store.contents, [document])).length > 0;
    if (isKnown && draft.kind === 'spooled') await dropSpool(store, String(draft.spool));
    return queueId;
  }
}

const toRecord = (document: MailboxDocument): StoredMailbox => ({
  id: document._id,
  account: document.account,
  name: document.name,
  specialUse: document.specialUse,
  uidValidity: document.uidValidity,
  uidNext: document.uidNext,
  highestModseq: document.modseq,
  recentFrom: document.recentFrom,
  forgotten: document.forgotten,
  messages: document.messages,
  unseen: document.unseen,
  deleted: document.deleted,
  size: document.size,
});

async function findContents(
  { database }: Context,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ContentRecord>> {
  const records = new Map<string, ContentRecord>();
  for (const some of slices(ids, SLICE)) {
    const found = await database.contents
      .find({ _id: { $in: some }, 'refs.0': { $exists: true } }, { projection: { bytes: 0 }, batchSize: SLICE + 1 })
      .toArray();
    for (const { _id, size, arrivedAt, reversePath, ret, envid, smtputf8, body, ...rest } of found)
      records.set(_id, {
        queueId: _id,
        size,
        arrivedAt,
        envelope: { reversePath, ret, envid, smtputf8, body },
        index: indexOf(rest),
      });
  }
  return records;
}

const indexOf = (c: Pick<ContentDocument, keyof ReturnType<typeof toColumns>>): MessageIndex => ({
  envelope: c.envelope,
  bodyStructure: c.bodyStructure,
  root: JSON.parse(c.root) as MessageIndex['root'],
  sentAt: c.sentAt,
  messageId: c.messageId,
  search: JSON.parse(c.search) as MessageIndex['search'],
});

async function putMailbox(context: Context, record: MailboxRecord, as: Id | null | undefined) {
  const { database, mailboxes } = context;
  const { specialUse, uidValidity, uidNext, highestModseq, recentFrom, forgotten } = record;
  const name = checkName(record.name);
  const account = String(record.account);
  const _id =
    as === null ? await freeKey(context, account, uidValidity) : String(as ?? mailboxKey(account, uidValidity));
  const counters = { uidNext, modseq: highestModseq, recentFrom, forgotten };
  try {
    const { matchedCount } = await database.mailboxes.updateOne(
      { ...oneMailbox(_id), removed: { $exists: false } },
      // What an interrupted copy has counted wrong is counted anew.
      { $set: { name, specialUse, ...(await countRows(database.messages, _id)) }, $max: counters },
    );
    if (matchedCount === 0)
      await database.mailboxes.insertOne({ ...newMailbox(account, name, specialUse, uidValidity), _id, ...counters });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new MailboxError('alreadyexists', 'a mailbox of that name exists');
  }
  await database.accounts.updateOne({ _id: account }, { $max: { uidValidity } });
  mailboxes.forget(_id);
  const [stored, owner] = await Promise.all([
    database.mailboxes.findOne(oneMailbox(_id)),
    database.accounts.findOne({ _id: account }, { projection: { subscriptions: 1 } }),
  ]);
  if (stored === null) throw new Error(`the mailbox ${name} vanished while it was being put`);
  return toMailbox(stored, new Set(owner?.subscriptions));
}

/** The key of a mailbox whose UIDVALIDITY others of the account may have too. A dash sorts before the dot of their rows. */
async function freeKey({ database }: Context, account: string, uidValidity: number): Promise<string> {
  const others = await database.mailboxes.find({ account, uidValidity }, { projection: { _id: 1 } }).toArray();
  const taken = new Set(others.map(({ _id }) => _id));
  const key = mailboxKey(account, uidValidity);
  let free = key;
  for (let n = 2; taken.has(free); n += 1) free = `${key}-${n}`;
  return free;
}

export async function countRows(messages: Context['database']['messages'], mailbox: string): Promise<Counts> {
  const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
  const rows = messages.find<Counted>(
    { _id: keysUnder(mailbox), gone: { $exists: false } },
    { projection: { _id: 0, mask: 1, size: 1 }, batchSize: 20_000 },
  );
  for await (const row of rows) count(counts, row, 1);
  return counts;
}

function count(counts: { -readonly [Name in keyof Counts]: number }, row: Counted, by: 1 | -1): void {
  counts.messages += by;
  counts.unseen += (row.mask & SEEN) === 0 ? by : 0;
  counts.deleted += (row.mask & DELETED) === 0 ? 0 : by;
  counts.size += by * row.size;
}

async function putMessages(context: Context, mailbox: string, messages: readonly MessageRecord[]): Promise<void> {
  for (const some of slices(messages, SLICE)) await putSlice(context, mailbox, some);
}

async function putSlice(
  { database, mailboxes }: Context,
  mailbox: string,
  messages: readonly MessageRecord[],
): Promise<void> {
  const keys = messages.map(({ uid }) => messageKey(mailbox, uid));
  const [document, rows] = await Promise.all([
    mailboxes.current(mailbox),
    database.messages.find({ _id: { $in: keys }, gone: { $exists: false } }, { batchSize: SLICE + 1 }).toArray(),
  ]);
  const known = new Map(rows.map((row) => [row._id, row]));
  const fresh = messages.filter(({ uid }) => !known.has(messageKey(mailbox, uid)));
  await requireContents(
    database,
    fresh.map(({ content }) => String(content)),
  );
  const references = fresh.map(({ uid, content }) => ({ content: String(content), ref: refOf(mailbox, uid) }));
  await addReferences(database, references);
  await endWaiting(
    database,
    references.map(({ content }) => content),
    true,
  );
  const spelled = new Map(document.keywords.map((keyword) => [keyword.toLowerCase(), keyword]));
  const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
  const writes = messages.map((message): AnyBulkWriteOperation<MessageDocument> => {
    const _id = messageKey(mailbox, message.uid);
    const before = known.get(_id);
    const { mask, keywords } = parseFlags(message.flags);
    for (const word of keywords) if (!spelled.has(word.toLowerCase())) spelled.set(word.toLowerCase(), word);
    const state = {
      mask,
      keywords: keywords.map((word) => spelled.get(word.toLowerCase()) ?? word).join(' '),
      modseq: message.modseq,
    };
    if (before !== undefined) {
      count(counts, before, -1);
      count(counts, { mask, size: before.size }, 1);
      return { updateOne: { filter: { _id }, update: { $set: state } } };
    }
    const { uid, internalDate: date, size, sentAt, prefix } = message;
    count(counts, { mask, size }, 1);
    const content = String(message.content);
    const replacement = { mailbox, uid, ...state, date, size, sentAt, content, ref: refOf(mailbox, uid), prefix };
    return { replaceOne: { filter: { _id }, replacement, upsert: true } };
  });
  await database.messages.bulkWrite(writes, { ordered: false });
  await database.mailboxes.updateOne(oneMailbox(mailbox), { $inc: counts, $set: { keywords: [...spelled.values()] } });
  mailboxes.forget(mailbox);
}

/**
 * Under keys that no mailbox gives: what is in a mailbox of this UIDVALIDITY, or was, stays as it is. The id says which
 * content it is, for other servers may have given the same UIDVALIDITY to several mailboxes of an account.
 */
async function putExpunged({ database }: Context, account: string, messages: readonly ExpungedRecord[]): Promise<void> {
  for (const some of slices(messages, SLICE)) {
    const contents = some.map(({ content }) => String(content));
    await requireContents(database, contents);
    const rows = some.map((message): MessageDocument => {
      const { uid, uidValidity, internalDate: date, prefix } = message;
      const mailbox = `${mailboxKey(account, uidValidity)}-kept`;
      const content = String(message.content);
      const _id = `${messageKey(mailbox, uid)}.${content}`;
      const { mask, keywords } = parseFlags(message.flags);
      const gone = { kept: message.expungedAt, name: message.mailbox };
      const state = { mask, keywords: keywords.join(' '), modseq: 0, gone };
      return { _id, mailbox, uid, ...state, date, size: 0, sentAt: null, content, ref: `t${_id}`, prefix };
    });
    await addReferences(database, rows);
    await endWaiting(database, contents, true);
    const found = await database.contents
      .find({ _id: { $in: contents } }, { projection: { size: 1, sentAt: 1 }, batchSize: SLICE + 1 })
      .toArray();
    const known = new Map(found.map((content) => [content._id, content]));
    await insertMissing(
      database.messages,
      rows.map((row) => {
        const { size = 0, sentAt = null } = known.get(row.content) ?? {};
        return { ...row, size: size + Buffer.byteLength(row.prefix), sentAt };
      }),
    );
  }
}

/** Its own name, so that putting it again adds nothing. */
const refOf = (mailbox: string, uid: number): string => `t${messageKey(mailbox, uid)}`;

async function requireContents(database: Context['database'], contents: readonly string[]): Promise<void> {
  const wanted = [...new Set(contents)];
  const found = await database.contents
    .find(
      { _id: { $in: wanted }, 'refs.0': { $exists: true } },
      { projection: { _id: 1 }, batchSize: wanted.length + 1 },
    )
    .toArray();
  const there = new Set(found.map(({ _id }) => _id));
  const missing = wanted.find((content) => !there.has(content));
  if (missing !== undefined) throw new Error(`content ${missing} is no longer in the store`);
}

async function removeMessages(
  { database, mailboxes }: Context,
  mailbox: string,
  uids: readonly number[],
  modseq: number,
): Promise<void> {
  for (const some of slices(uids, SLICE)) {
    const keys = some.map((uid) => messageKey(mailbox, uid));
    const rows = await database.messages
      .find({ _id: { $in: keys }, gone: { $exists: false } }, { batchSize: SLICE + 1 })
      .toArray();
    const counts = { messages: 0, unseen: 0, deleted: 0, size: 0 };
    for (const row of rows) count(counts, row, -1);
    await dropReferences(database, rows);
    await database.messages.bulkWrite(
      some.map((uid) => ({
        replaceOne: {
          filter: { _id: messageKey(mailbox, uid) },
          replacement: { mailbox, uid, modseq, gone: Date.now() } as unknown as MessageDocument,
          upsert: true,
        },
      })),
      { ordered: false },
    );
    await database.mailboxes.updateOne(oneMailbox(mailbox), { $inc: counts });
  }
  mailboxes.forget(mailbox);
}
