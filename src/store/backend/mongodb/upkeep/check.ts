/**
 * What can be wrong between the collections. Mended is what follows from other data: references, sizes of rows, and what
 * nothing can reach any more; where mail is missing, it only says so.
 */
import type { Id } from '../../../../mail/account.ts';
import type { Inspection, StoreCheck } from '../../../check.ts';
import { Part } from '../../../check-report.ts';
import { toColumns } from '../../index-columns.ts';
import { refOfItem } from '../acceptance/queue.ts';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import {
  accountOfMailbox,
  type ContentDocument,
  keysUnder,
  type MessageDocument,
  oneMailbox,
} from '../database/documents.ts';
import { dropReferences, type Reference, WAITING } from '../database/references.ts';
import type { Tree } from '../mailboxes/tree.ts';
import { countRows } from '../transfer.ts';

/** Documents per query. */
const SLICE = 1000;
/** Rows whose references are compared at a time: about 150 octets of memory each. */
const PARTITION = 2_000_000;

type Row = Pick<MessageDocument, '_id' | 'mailbox' | 'uid' | 'content' | 'ref' | 'size' | 'prefix' | 'gone'>;

export function createCheck(context: Context, tree: Tree): StoreCheck {
  const { database, mailboxes } = context;
  return {
    async *inspect({ repair }) {
      yield await checkAccounts(database, tree, repair);
      yield* await checkRows(database, repair);
      yield await checkItems(database, repair);
      yield await checkReferences(database, repair);
      yield await checkChunks(database, repair);
    },
    async *contents() {
      const found = database.contents.find(
        { 'refs.0': { $exists: true } },
        { projection: { _id: 1 }, sort: { _id: 1 }, batchSize: SLICE },
      );
      for await (const some of inSlices(found)) yield some.map(({ _id }): Id => _id);
    },
    async recount(mailbox) {
      const id = String(mailbox);
      const rows = database.messages.find(
        { _id: keysUnder(id), gone: { $exists: false } },
        { projection: { uid: 1, modseq: 1 }, batchSize: 20_000 },
      );
      const highest = { uidNext: 1, modseq: 1 };
      for await (const { uid, modseq } of rows) {
        highest.uidNext = Math.max(highest.uidNext, uid + 1);
        highest.modseq = Math.max(highest.modseq, modseq);
      }
      await database.mailboxes.updateOne(oneMailbox(id), {
        $set: await countRows(database.messages, id),
        $max: highest,
      });
      mailboxes.forget(id);
    },
    async putIndex(content, index) {
      const columns = toColumns(index);
      const { matchedCount } = await database.contents.updateOne({ _id: String(content) }, { $set: columns });
      if (matchedCount === 0) return false;
      await database.messages.updateMany({ content: String(content) }, { $set: { sentAt: columns.sentAt } });
      return true;
    },
  };
}

/** A process that died while it made an account left mailboxes without mail. */
async function checkAccounts(database: Database, tree: Tree, repair: boolean): Promise<Inspection> {
  const part = new Part('mailboxes of accounts');
  const found = database.mailboxes.find(
    { removed: { $exists: false } },
    { projection: { account: 1, name: 1, messages: 1 }, sort: { account: 1 }, batchSize: SLICE },
  );
  for await (const some of inSlices(found)) {
    part.checked += some.length;
    const accounts = await idsOf(
      database.accounts,
      some.map(({ account }) => account),
    );
    for (const { _id, account, name, messages } of some) {
      if (accounts.has(account)) continue;
      const mend = repair && messages === 0;
      part.add(`mailbox ${name} (${_id})`, `its account ${account} does not exist`, mend);
      if (mend) await tree.removeAll(account);
    }
  }
  return part;
}

async function checkRows(database: Database, repair: boolean): Promise<readonly Inspection[]> {
  const [boxes, contents, sizes] = [
    new Part('rows of mailboxes'),
    new Part('contents of rows'),
    new Part('sizes of rows'),
  ];
  const found = database.messages.find<Row>(
    { content: { $exists: true } },
    {
      projection: { mailbox: 1, uid: 1, content: 1, ref: 1, size: 1, prefix: 1, gone: 1 },
      sort: { _id: 1 },
      batchSize: SLICE,
    },
  );
  for await (const some of inSlices(found)) {
    for (const part of [boxes, contents, sizes]) part.checked += some.length;
    const [names, stored] = await Promise.all([
      placesOf(database, some),
      contentsOf(
        database,
        some.map(({ content }) => content),
      ),
    ]);
    for (const row of some) {
      const name = names.get(row.mailbox);
      const place = `${name ?? `mailbox ${row.mailbox}`} UID ${row.uid}`;
      if (name === undefined && row.gone === undefined) boxes.add(place, 'its mailbox does not exist');
      const content = stored.get(row.content);
      if (content === undefined) contents.add(place, `its content ${row.content} does not exist`);
      else if (!content.refs.includes(row.ref)) {
        contents.add(place, `its content ${row.content} does not know of it`, repair);
        if (repair) await addReference(database, row);
      }
      const octets = (content?.size ?? row.size) + (content === undefined ? 0 : Buffer.byteLength(row.prefix));
      if (octets === row.size) continue;
      sizes.add(place, `its size is said to be ${row.size} octets, and is ${octets}`, repair);
      if (repair) await database.messages.updateOne({ _id: row._id }, { $set: { size: octets } });
    }
  }
  return [boxes, contents, sizes];
}

async function checkItems(database: Database, repair: boolean): Promise<Inspection> {
  const part = new Part('contents of queue items');
  const found = database.queue.find(
    { draft: { $exists: false } },
    { projection: { content: 1, recipient: 1 }, sort: { _id: 1 }, batchSize: SLICE },
  );
  for await (const some of inSlices(found)) {
    part.checked += some.length;
    const stored = await contentsOf(
      database,
      some.map(({ content }) => content),
    );
    for (const item of some) {
      const content = stored.get(item.content);
      const place = `queue item ${item._id} for ${item.recipient}`;
      if (content === undefined) part.add(place, `its content ${item.content} does not exist`);
      else if (!content.refs.includes(refOfItem(item))) {
        part.add(place, `its content ${item.content} does not know of it`, repair);
        if (repair) await addReference(database, { content: item.content, ref: refOfItem(item) });
      }
    }
  }
  return part;
}

/** References without a row or an item: the content would never go. */
async function checkReferences(database: Database, repair: boolean): Promise<Inspection> {
  const part = new Part('references to contents');
  const [rows, intents] = await Promise.all([
    database.messages.estimatedDocumentCount(),
    database.intents.find({}, { projection: { _id: 1 } }).toArray(),
  ]);
  const partitions = Math.ceil((rows + 1) / PARTITION);
  const running = new Set(intents.map(({ _id }) => _id));
  for (let partition = 0; partition < partitions; partition += 1) {
    const isHere = (content: string): boolean => hashOf(content) % partitions === partition;
    const used = await usedReferences(database, isHere);
    const contents = database.contents.find(
      { open: { $exists: false } },
      { projection: { refs: 1 }, sort: { _id: 1 }, batchSize: SLICE },
    );
    for await (const { _id, refs } of contents) {
      if (!isHere(_id)) continue;
      part.checked += 1;
      const unused = refs.filter(
        (ref) => ref !== WAITING && !running.has(ref.split('.')[0] ?? '') && !used.has(`${_id} ${ref}`),
      );
      if (unused.length === 0) continue;
      part.add(`message ${_id}`, `has ${refs.length} references, and ${unused.length} of them lead nowhere`, repair);
      if (repair)
        await dropReferences(
          database,
          unused.map((ref) => ({ content: _id, ref })),
        );
    }
  }
  return part;
}

async function usedReferences(database: Database, isHere: (content: string) => boolean): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  const rows = database.messages.find<Reference>(
    { content: { $exists: true } },
    { projection: { _id: 0, content: 1, ref: 1 }, batchSize: 20_000 },
  );
  for await (const { content, ref } of rows) if (isHere(content)) used.add(`${content} ${ref}`);
  const items = database.queue.find({}, { projection: { content: 1 }, batchSize: 20_000 });
  for await (const item of items) if (isHere(item.content)) used.add(`${item.content} ${refOfItem(item)}`);
  return used;
}

/** Any spread will do. */
function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
  return hash;
}

/** Chunks of which neither a content nor a spool knows. */
async function checkChunks(database: Database, repair: boolean): Promise<Inspection> {
  const part = new Part('chunks of contents');
  const known = new Set<string>();
  const long = database.contents.find({ chunks: { $exists: true } }, { projection: { chunks: 1 }, batchSize: SLICE });
  for await (const { chunks } of long) if (chunks !== undefined) known.add(chunks);
  for await (const { _id } of database.spools.find({}, { projection: { _id: 1 } })) known.add(_id);
  const chunks = database.chunks.find({}, { projection: { _id: 1 }, sort: { _id: 1 }, batchSize: SLICE });
  for await (const { _id } of chunks) {
    part.checked += 1;
    if (known.has(_id.slice(0, _id.lastIndexOf('.')))) continue;
    part.add(`chunk ${_id}`, 'no message has it', repair);
    if (repair) await database.chunks.deleteOne({ _id });
  }
  return part;
}

const addReference = ({ contents }: Database, { content, ref }: Reference): Promise<unknown> =>
  contents.updateOne({ _id: content }, { $addToSet: { refs: ref } });

async function idsOf(accounts: Database['accounts'], ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await accounts.find({ _id: { $in: [...new Set(ids)] } }, { projection: { _id: 1 } }).toArray();
  return new Set(found.map(({ _id }) => _id));
}

async function contentsOf(
  { contents }: Database,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Pick<ContentDocument, 'refs' | 'size'>>> {
  const found = await contents
    .find({ _id: { $in: [...new Set(ids)] } }, { projection: { refs: 1, size: 1 }, batchSize: SLICE + 1 })
    .toArray();
  return new Map(found.map((content) => [content._id, content]));
}

/** `xixi@baidu.com INBOX`, by mailbox. */
async function placesOf(database: Database, rows: readonly Row[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.map(({ mailbox }) => mailbox))];
  const [boxes, accounts] = await Promise.all([
    database.mailboxes.find({ _id: { $in: ids } }, { projection: { name: 1, account: 1 } }).toArray(),
    database.accounts
      .find({ _id: { $in: [...new Set(ids.map(accountOfMailbox))] } }, { projection: { address: 1 } })
      .toArray(),
  ]);
  const addresses = new Map(accounts.map(({ _id, address }) => [_id, address]));
  return new Map(boxes.map(({ _id, account, name }) => [_id, `${addresses.get(account) ?? account} ${name}`]));
}

async function* inSlices<T>(documents: AsyncIterable<T>): AsyncIterable<T[]> {
  let some: T[] = [];
  for await (const document of documents) {
    some.push(document);
    if (some.length < SLICE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}
