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

/** How long an operation waits for a primary, for a connection, and for an answer, ms. */
const SELECTION_TIMEOUT = 5_000;
const CONNECTION_TIMEOUT = 10_000;
const ANSWER_TIMEOUT = 30_000;
/** How long a write waits for the majority, ms: then it is not known whether it stays. */
const MAJORITY_TIMEOUT = 15_000;
const CONNECTIONS = 50;

export const CLIENT_OPTIONS: MongoClientOptions = {
  appName: 'posthorn',
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: MAJORITY_TIMEOUT },
  readConcern: { level: 'majority' },
  readPreference: 'primary',
  retryWrites: true,
  retryReads: true,
  ignoreUndefined: true,
  promoteBuffers: true,
  serverSelectionTimeoutMS: SELECTION_TIMEOUT,
  connectTimeoutMS: SELECTION_TIMEOUT,
  waitQueueTimeoutMS: CONNECTION_TIMEOUT,
  socketTimeoutMS: ANSWER_TIMEOUT,
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
