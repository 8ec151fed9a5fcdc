/**
 * The connection: one client, its collections, and the concerns that hold for all of them.
 *
 * Writes are acknowledged by a majority of the replica set, with their journals on disk. Reads see what a majority has,
 * on the primary: what a session was told can then not be rolled back, and a UID not be given a second time.
 */
import type { Collection, Db, MongoClient, MongoClientOptions } from 'mongodb';
import type {
  AccountDocument,
  AliasDocument,
  ChunkDocument,
  ContentDocument,
  DomainDocument,
  IntentDocument,
  ItemDocument,
  MailboxDocument,
  MessageDocument,
  MetaDocument,
  PartDocument,
  SearchTextDocument,
  SpoolDocument,
} from './documents.ts';

export interface Database {
  readonly client: MongoClient;
  readonly db: Db;
  readonly accounts: Collection<AccountDocument>;
  readonly aliases: Collection<AliasDocument>;
  readonly domains: Collection<DomainDocument>;
  readonly meta: Collection<MetaDocument>;
  readonly mailboxes: Collection<MailboxDocument>;
  readonly messages: Collection<MessageDocument>;
  readonly parts: Collection<PartDocument>;
  readonly contents: Collection<ContentDocument>;
  readonly chunks: Collection<ChunkDocument>;
  readonly spools: Collection<SpoolDocument>;
  readonly searchTexts: Collection<SearchTextDocument>;
  readonly queue: Collection<ItemDocument>;
  readonly intents: Collection<IntentDocument>;
}

/** For the whole of one operation, with its retries, ms. */
const OPERATION_TIMEOUT = 20_000;
/** How long an operation waits for a primary, ms. */
const SELECTION_TIMEOUT = 5_000;
const CONNECTIONS = 50;

export const CLIENT_OPTIONS: MongoClientOptions = {
  appName: 'posthorn',
  writeConcern: { w: 'majority', journal: true },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  ignoreUndefined: true,
  promoteBuffers: true,
  timeoutMS: OPERATION_TIMEOUT,
  serverSelectionTimeoutMS: SELECTION_TIMEOUT,
  maxPoolSize: CONNECTIONS,
};

export function collectionsOf(client: MongoClient, db: Db): Database {
  return {
    client,
    db,
    accounts: db.collection('accounts'),
    aliases: db.collection('aliases'),
    domains: db.collection('domains'),
    meta: db.collection('meta'),
    mailboxes: db.collection('mailboxes'),
    messages: db.collection('messages'),
    parts: db.collection('parts'),
    contents: db.collection('contents'),
    chunks: db.collection('chunks'),
    spools: db.collection('spools'),
    searchTexts: db.collection('searchTexts'),
    queue: db.collection('queue'),
    intents: db.collection('intents'),
  };
}
