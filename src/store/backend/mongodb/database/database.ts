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
  PluginStateDocument,
  ProbeResultDocument,
  SearchTextDocument,
  SpoolDocument,
} from './documents.ts';

export interface Database {
  readonly client: MongoClient;
  /** How long what failed is tried again, ms: as long as the driver waits for a server (serverSelectionTimeoutMS). */
  readonly patience: number;
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
  readonly probeResults: Collection<ProbeResultDocument>;
  readonly pluginStates: Collection<PluginStateDocument>;
  readonly queue: Collection<ItemDocument>;
  readonly intents: Collection<IntentDocument>;
}

/**
 * Times in ms. Where nobody listens, a command is refused after SELECTION. Where the server accepts connections and is
 * silent (stopped, its disk stands still) the driver's monitor notices within HEARTBEAT + SELECTION and ends what is
 * under way, and what is tried again waits for SELECTION. ANSWER is for a server that answers the monitor but not us.
 * (The driver's own timeoutMS has no effect in 7.9.)
 */
const SELECTION = 5_000;
const HEARTBEAT = 3_000;
const ANSWER = 15_000;
/** How long a write waits for the majority: then it is not known whether it stays. Shorter than ANSWER, to be told so. */
const MAJORITY = 10_000;
const CONNECTIONS = 50;

/** Whoever operates the database may choose others in the URI. */
const DEFAULTS = {
  appName: 'posthorn',
  serverSelectionTimeoutMS: SELECTION,
  connectTimeoutMS: SELECTION,
  waitQueueTimeoutMS: SELECTION,
  heartbeatFrequencyMS: HEARTBEAT,
  socketTimeoutMS: ANSWER,
  wtimeoutMS: MAJORITY,
  maxPoolSize: CONNECTIONS,
  retryWrites: true,
  retryReads: true,
} as const satisfies MongoClientOptions;

/** For commands that take long on a large database. The driver passes it on, though its types do not have it. */
export const LASTING: object = { socketTimeoutMS: 0 };

/** What a URI may name, but not change: with other values accepted mail could be lost. In the URI's words. */
const FIXED: Readonly<Record<string, string>> = {
  w: 'majority',
  j: 'true',
  journal: 'true',
  readConcernLevel: 'majority',
  readPreference: 'primary',
};

/** For `new MongoClient(uri, …)`. Throws where the URI wants something that must not be. */
export function clientOptions(uri: string): MongoClientOptions {
  const given = new Map(
    [...new URLSearchParams(uri.split('?', 2)[1] ?? '')].map(([name, value]) => [name.toLowerCase(), value]),
  );
  for (const [name, value] of Object.entries(FIXED)) {
    const other = given.get(name.toLowerCase());
    if (other !== undefined && other !== value)
      throw new Error(`${name}=${other}: only ${name}=${value} keeps mail safe`);
  }
  const chosen = Object.entries(DEFAULTS).filter(([name]) => !given.has(name.toLowerCase()));
  return {
    ...Object.fromEntries(chosen),
    w: 'majority',
    journal: true,
    readConcernLevel: 'majority',
    readPreference: 'primary',
    ignoreUndefined: true,
    promoteBuffers: true,
  };
}

export function collectionsOf(client: MongoClient, db: Db): Database {
  return {
    client,
    patience: client.options.serverSelectionTimeoutMS,
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
    probeResults: db.collection('probeResults'),
    pluginStates: db.collection('pluginStates'),
    queue: db.collection('queue'),
    intents: db.collection('intents'),
  };
}
