/** Mailboxes as sessions see them. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Id } from '../../../../mail/account.ts';
import type { MailboxStatus } from '../../../../mail/mailbox.ts';
import type { Part, SearchFields } from '../../../../mail/message.ts';
import {
  MailboxError,
  type Mailboxes,
  type MailboxSnapshot,
  type MessageColumns,
  type MessageRow,
  type RowColumns,
  type StoreFlags,
  type UidRanges,
} from '../../../mailboxes.ts';
import { listFlags, parseFlags, SEEN } from '../../flags.ts';
import { checkName, foldName } from '../../names.ts';
import { clampRanges } from '../../ranges.ts';
import { type Context, keepNow } from '../context.ts';
import type { Database } from '../database/database.ts';
import {
  accountOfMailbox,
  type ContentDocument,
  changedSince,
  type MailboxDocument,
  type MessageDocument,
  messageKey,
  oneMailbox,
} from '../database/documents.ts';
import { keyFilters } from '../database/ranges.ts';
import { slices } from '../database/references.ts';
import { flagChanges } from '../log/flag-changes.ts';
import { copy } from './copy.ts';
import { COLUMNS, firstFrom, type Picture, type PictureRow, type Pictures } from './pictures.ts';
import type { SearchTexts } from './search-texts.ts';
import type { Targets } from './targets.ts';
import { noMailbox, type Tree, toMailbox } from './tree.ts';
import type { Watchers } from './watchers.ts';

const EVERYTHING: UidRanges = [[1, 0xffff_ffff]];
/** Rows that one query gives at a time: FETCH of n messages takes 2 + n / 1000 queries at most. */
const PAGE = 2500;
/** Rows that a caller gets at a time. */
const SHOWN = 500;
/** Octets of contents per query, and of one content that comes with its row. */
const OCTETS = 4 * 1024 * 1024;
const SHORT = 128 * 1024;
/** So few messages are read as rows even if the mailbox is in memory. */
const FEW = 20;

interface Parts {
  readonly context: Context;
  readonly tree: Tree;
  readonly targets: Targets;
  readonly pictures: Pictures;
  readonly texts: SearchTexts;
  readonly watchers: Watchers;
}

export function createMailboxes(parts: Parts): Mailboxes {
  const { context, tree, targets, pictures, texts, watchers } = parts;
  const { database, mailboxes } = context;
  const claimRecent = async (mailbox: Id, upTo: number): Promise<number> => {
    const before = await database.mailboxes.findOneAndUpdate(
      { ...oneMailbox(String(mailbox)), removed: { $exists: false } },
      { $max: { recentFrom: upTo } },
      { returnDocument: 'before', projection: { recentFrom: 1 } },
    );
    if (before === null) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
    return before.recentFrom;
  };
  return {
    async list(account) {
      const [found, subscriptions] = await Promise.all([
        database.mailboxes
          .find({ account: String(account), removed: { $exists: false } }, { batchSize: 10_001 })
          .toArray(),
        subscriptionsOf(database, account),
      ]);
      return found
        .map((document) => toMailbox(document, new Set(subscriptions)))
        .sort((a, b) => inOrder(a.name, b.name));
    },
    async find(account, name) {
      const [found, subscriptions] = await Promise.all([
        database.mailboxes.findOne({ account: String(account), name: foldName(name) }),
        subscriptionsOf(database, account),
      ]);
      return found === null ? null : toMailbox(found, new Set(subscriptions));
    },
    async status(mailbox) {
      const document = await mailboxes.current(String(mailbox));
      const [recent, subscriptions] = await Promise.all([
        countRecent(database, document),
        subscriptionsOf(database, document.account),
      ]);
      return toStatus(document, recent, subscriptions);
    },
    async open(mailbox, options) {
      const [picture, subscriptions] = await Promise.all([
        pictures.of(String(mailbox)),
        subscriptionsOf(database, accountOfMailbox(String(mailbox))),
      ]);
      const { modseq, uidNext, recentFrom: from } = picture.mailbox;
      watchers.opened(picture.mailbox._id, modseq, uidNext);
      // Another session may have claimed them since the document was read.
      const claimed = options.claimRecent && from < uidNext ? await claimRecent(mailbox, uidNext) : from;
      return { ...snapshotOf(picture, subscriptions), recentFrom: claimed >= uidNext ? 0 : claimed };
    },
    async claimRecent(mailbox, upTo) {
      await claimRecent(mailbox, upTo);
    },

    async create(account, name, specialUse = '') {
      const made = await tree.create(String(account), name, specialUse);
      return toMailbox(made, new Set(await subscriptionsOf(database, account)));
    },
    async rename(account, from, to) {
      const [source, target] = [checkName(from), checkName(to)];
      const [found, taken] = await Promise.all(
        [source, target].map((name) => database.mailboxes.findOne({ account: String(account), name })),
      );
      if (found == null) throw noMailbox();
      if (taken != null) throw new MailboxError('alreadyexists', 'a mailbox of that name exists');
      if (source !== 'INBOX') return tree.rename(String(account), source, target, found._id);
      // Its messages move, and INBOX stays, empty (RFC 9051 section 6.3.6).
      const made = await tree.make(String(account), target, '');
      await copy(context, targets, { mailbox: found._id, uids: EVERYTHING, target: made._id, move: true });
    },
    remove: (account, name) => tree.remove(String(account), name),
    subscribe: (account, name, subscribed) => tree.subscribe(String(account), name, subscribed),
    subscriptions: async (account) => [...(await subscriptionsOf(database, account))].sort(inOrder),

    rows: (mailbox, uids, columns) => rowsOf(parts, String(mailbox), uids, columns),
    async columns(mailbox) {
      return columnsOf((await pictures.of(String(mailbox))).rows);
    },
    changes: (mailbox, modseq) => changesSince(parts, String(mailbox), modseq),

    async store(mailbox, uids, change: StoreFlags) {
      const { mask, keywords } = parseFlags(change.flags);
      const { result } = await mailboxes.change(String(mailbox), {
        needs: uids,
        act: (state) => flagChanges(state, { ...change, uids, mask, keywords }),
      });
      return result;
    },
    async expunge(mailbox, uids = EVERYTHING, { force = false } = {}) {
      const { result, applied } = await mailboxes.change(String(mailbox), {
        needs: uids,
        act(state) {
          const rows = state.among(uids).filter(({ mask }) => force || listFlags(mask, '').includes('\\Deleted'));
          const keep = keepNow(context, state.document.name);
          if (rows.length > 0) state.expunge(rows, keep === undefined ? {} : { keep });
          return { uids: rows.map(({ uid }) => uid), modseq: state.modseq };
        },
      });
      await applied;
      return result;
    },
    async copy(mailbox, uids, target) {
      const args = { mailbox: String(mailbox), uids, target: String(target), move: false };
      const { uidValidity, pairs } = await copy(context, targets, args);
      return { uidValidity, pairs };
    },
    move: (mailbox, uids, target) =>
      copy(context, targets, { mailbox: String(mailbox), uids, target: String(target), move: true }),

    searchText: (content) => texts.of(String(content)),
    searchContents: (contents, key) => texts.decide(contents.map(String), key),
    putSearchText: (content, text) => texts.put(String(content), text),
    unprepared: (limit) => texts.unprepared(limit),
    searchProgress: () => texts.progress(),
    discardSearchTexts: () => texts.discard(),

    watch: (account, listener) => watchers.add(String(account), listener),
  };
}

/** By octets, INBOX first. */
const inOrder = (a: string, b: string): number => {
  if (a === b) return 0;
  return a === 'INBOX' ? -1 : b === 'INBOX' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
};

async function subscriptionsOf(database: Database, account: Id): Promise<readonly string[]> {
  const found = await database.accounts.findOne({ _id: String(account) }, { projection: { subscriptions: 1 } });
  return found?.subscriptions ?? [];
}

const countRecent = (database: Database, { _id, recentFrom, uidNext }: MailboxDocument): Promise<number> | number =>
  recentFrom >= uidNext
    ? 0
    : database.messages.countDocuments({
        _id: { $gte: messageKey(_id, recentFrom), $lt: messageKey(_id, uidNext) },
        gone: { $exists: false },
      });

const toStatus = (document: MailboxDocument, recent: number, subscriptions: readonly string[]): MailboxStatus => ({
  ...toMailbox(document, new Set(subscriptions)),
  messages: document.messages,
  unseen: document.unseen,
  recent,
  deleted: document.deleted,
  size: document.size,
});

function snapshotOf({ mailbox, rows }: Picture, subscriptions: readonly string[]): Omit<MailboxSnapshot, 'recentFrom'> {
  const recent = rows.length - firstFrom(rows, mailbox.recentFrom);
  return {
    mailbox: toStatus(mailbox, recent, subscriptions),
    uids: Uint32Array.from(rows, ({ uid }) => uid),
    firstUnseen: rows.find(({ mask }) => (mask & SEEN) === 0)?.uid ?? 0,
    keywords: mailbox.keywords,
  };
}

function columnsOf(rows: readonly PictureRow[]): MessageColumns {
  const at = (index: number): PictureRow | undefined => rows[index];
  return {
    length: rows.length,
    uids: Uint32Array.from(rows, ({ uid }) => uid),
    modseqs: Float64Array.from(rows, ({ modseq }) => modseq),
    internalDates: Float64Array.from(rows, ({ date }) => date),
    sizes: Uint32Array.from(rows, ({ size }) => size),
    sentAts: Float64Array.from(rows, ({ sentAt }) => sentAt ?? Number.NaN),
    flags: (index) => listFlags(at(index)?.mask ?? 0, at(index)?.keywords ?? ''),
    content: (index) => at(index)?.content ?? '',
    prefix: (index) => at(index)?.prefix ?? '',
  };
}

async function changesSince(
  { context, pictures }: Parts,
  id: string,
  modseq: number,
): ReturnType<Mailboxes['changes']> {
  const mailbox = await context.mailboxes.current(id);
  const found = await context.database.messages
    .find<Pick<MessageDocument, 'uid' | 'modseq' | 'mask' | 'keywords' | 'gone'>>(changedSince(id, modseq), {
      hint: 'modseq',
      projection: { _id: 0, uid: 1, modseq: 1, mask: 1, keywords: 1, gone: 1 },
      batchSize: 20_000,
    })
    .toArray();
  const known = found.filter(({ uid }) => uid < mailbox.uidNext).sort((a, b) => a.uid - b.uid);
  const changed = known
    .filter(({ gone }) => gone === undefined)
    .map((row) => ({ uid: row.uid, modseq: row.modseq, flags: listFlags(row.mask, row.keywords) }));
  const highestModseq = mailbox.modseq;
  if (modseq >= mailbox.forgotten)
    return { changed, vanished: known.filter(({ gone }) => gone !== undefined).map(({ uid }) => uid), highestModseq };
  // What vanished so long ago is not known: all UIDs that are not there.
  const picture = await pictures.of(id);
  const present = new Set(picture.rows.map(({ uid }) => uid));
  const vanished = Array.from({ length: mailbox.uidNext - 1 }, (_, i) => i + 1).filter((uid) => !present.has(uid));
  return { changed, vanished, highestModseq };
}

async function* rowsOf(
  parts: Parts,
  mailbox: string,
  uids: UidRanges,
  columns: RowColumns,
): AsyncIterable<readonly MessageRow[]> {
  await parts.context.mailboxes.settled(mailbox);
  const wantsContents =
    columns.envelope === true ||
    columns.bodyStructure === true ||
    columns.root === true ||
    columns.search === true ||
    columns.octets === true;
  const { pictures } = parts;
  if (!wantsContents && pictures.has(mailbox) && clampRanges(uids).some(([first, last]) => last - first >= FEW)) {
    const picture = await pictures.of(mailbox).catch((error: unknown) => {
      if (error instanceof MailboxError) return null;
      throw error;
    });
    for (const rows of slices(picture === null ? [] : among(picture.rows, uids), SHOWN)) {
      yield rows.map((row) => toRow(row));
      await nextTurn();
    }
    return;
  }
  for (const filter of keyFilters(mailbox, uids)) {
    const found = parts.context.database.messages.find<PictureRow>(
      { ...filter, gone: { $exists: false } },
      {
        projection: COLUMNS,
        sort: { _id: 1 },
        batchSize: PAGE,
      },
    );
    for await (const page of pagesOf(found, columns.octets === true))
      yield* shown(page, wantsContents ? await contentsOf(parts.context.database, page, columns) : null, columns);
  }
}

function* shown(
  page: readonly PictureRow[],
  contents: ReadonlyMap<string, ContentDocument> | null,
  columns: RowColumns,
): Iterable<readonly MessageRow[]> {
  // The content of a message that was expunged meanwhile is gone.
  const rows = contents === null ? page : page.filter(({ content }) => contents.has(content));
  for (const some of slices(rows, SHOWN)) yield some.map((row) => toRow(row, contents?.get(row.content), columns));
}

/** Pages as the database answers; with octets also bounded by them. */
async function* pagesOf(rows: AsyncIterable<PictureRow>, byOctets: boolean): AsyncIterable<PictureRow[]> {
  let page: PictureRow[] = [];
  let octets = 0;
  for await (const row of rows) {
    page.push(row);
    octets += Math.min(row.size, SHORT);
    if (page.length < PAGE && !(byOctets && octets > OCTETS)) continue;
    yield page;
    page = [];
    octets = 0;
  }
  if (page.length > 0) yield page;
}

async function contentsOf(
  database: Database,
  page: readonly PictureRow[],
  columns: RowColumns,
): Promise<ReadonlyMap<string, ContentDocument>> {
  const projection = {
    _id: 1,
    ...(columns.envelope === true ? { envelope: 1 } : {}),
    ...(columns.bodyStructure === true ? { bodyStructure: 1 } : {}),
    ...(columns.root === true ? { root: 1 } : {}),
    ...(columns.search === true ? { search: 1 } : {}),
  };
  const all = [...new Set(page.map(({ content }) => content))];
  const isLong = new Map(page.map(({ content, size }) => [content, size > SHORT]));
  const wants = [
    { ids: columns.octets === true ? all.filter((id) => isLong.get(id) === false) : [], bytes: { bytes: 1 } },
    { ids: columns.octets === true ? all.filter((id) => isLong.get(id) === true) : all, bytes: {} },
  ];
  const found = await Promise.all(
    wants
      .filter(({ ids }) => ids.length > 0)
      .map(({ ids, bytes }) =>
        database.contents
          .find({ _id: { $in: ids } }, { projection: { ...projection, ...bytes }, batchSize: PAGE + 1 })
          .toArray(),
      ),
  );
  return new Map(found.flat().map((document) => [document._id, document]));
}

function among(rows: readonly PictureRow[], uids: UidRanges): PictureRow[] {
  const found: PictureRow[] = [];
  for (const [first, last] of clampRanges(uids)) {
    for (let i = firstFrom(rows, first); i < rows.length; i += 1) {
      const row = rows[i];
      if (row === undefined || row.uid > last) break;
      found.push(row);
    }
  }
  return found;
}

function toRow(row: PictureRow, content?: ContentDocument, columns?: RowColumns): MessageRow {
  const out: { -readonly [Key in keyof MessageRow]: MessageRow[Key] } = {
    uid: row.uid,
    modseq: row.modseq,
    flags: listFlags(row.mask, row.keywords),
    internalDate: row.date,
    size: row.size,
    prefix: row.prefix,
    content: row.content,
    sentAt: row.sentAt,
  };
  if (content === undefined || columns === undefined) return out;
  if (columns.envelope === true) out.envelope = content.envelope;
  if (columns.bodyStructure === true) out.bodyStructure = content.bodyStructure;
  if (columns.root === true) out.root = JSON.parse(content.root) as Part;
  if (columns.search === true) out.search = JSON.parse(content.search) as SearchFields;
  const { bytes } = content;
  if (bytes !== undefined) out.octets = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return out;
}
