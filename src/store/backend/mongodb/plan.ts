/**
 * How the database is spread over shards: the key of each collection, and which query asks how many shards. Data alone;
 * `posthorn store plan` prints it, and test/mongodb/plan.test.ts compares it with the commands that are really sent.
 */
import type { Database } from './database/database.ts';

export type CollectionName = Exclude<keyof Database, 'client' | 'db'> | 'processes';

export interface CollectionPlan {
  readonly collection: CollectionName;
  readonly holds: string;
  /** Null: not sharded, so all of it is on the database's primary shard. */
  readonly key: Readonly<Record<string, 1 | 'hashed'>> | null;
  readonly why: string;
  /** Ids begin with a random account id: such a collection can be split before it is filled. */
  readonly split?: true;
}

export const COLLECTIONS: readonly CollectionPlan[] = [
  {
    collection: 'accounts',
    holds: 'accounts: address, hash of the password, quota, subscriptions',
    key: null,
    why: 'an address is unique: a unique index must begin with the shard key, and ids are looked for too',
  },
  {
    collection: 'mailboxes',
    holds: 'mailboxes: counters, and what was decided but is not in the rows yet',
    key: { account: 1 },
    why: "one account's mailboxes are together; the unique index (account, name) begins with the key",
    split: true,
  },
  {
    collection: 'messages',
    holds: 'rows: a message in a mailbox, with its flags',
    key: { _id: 1 },
    why: 'ids are ACCOUNT.UIDVALIDITY.UID: a mailbox is one range, and random account ids spread evenly',
    split: true,
  },
  {
    collection: 'contents',
    holds: 'contents: octets up to 256 KB, ENVELOPE, BODYSTRUCTURE; once for all rows of a message',
    key: { _id: 'hashed' },
    why: 'ids begin with the time: ranges of them would send all new mail to one shard',
  },
  {
    collection: 'chunks',
    holds: 'octets of longer contents, 256 KB each',
    key: { _id: 'hashed' },
    why: 'looked for by id alone; spread from the start',
  },
  {
    collection: 'searchTexts',
    holds: 'texts prepared for SEARCH, one for each content',
    key: { _id: 'hashed' },
    why: 'the ids are those of contents',
  },
  {
    collection: 'queue',
    holds: 'queue: an item for each recipient elsewhere, until it has the message',
    key: null,
    why: 'claims ask for what is due of all; small while mail leaves',
  },
  { collection: 'pluginStates', holds: 'what plugins remember', key: null, why: 'small beside the mail' },
  { collection: 'probeResults', holds: 'what probes of addresses found out', key: null, why: 'a cache; small' },
  { collection: 'spools', holds: 'long messages on their way', key: null, why: 'small' },
  { collection: 'intents', holds: 'changes over several documents that are being made', key: null, why: 'small' },
  { collection: 'parts', holds: 'rows of large copies that are being made', key: null, why: 'small' },
  { collection: 'meta', holds: 'versions of the schema and of aliases and domains', key: null, why: 'a few documents' },
  { collection: 'aliases', holds: 'aliases', key: null, why: 'each process reads all of them' },
  { collection: 'domains', holds: 'domains that are served', key: null, why: 'each process reads all of them' },
  { collection: 'processes', holds: 'processes that share the database', key: null, why: 'a few documents' },
];

/**
 * Which shards a query asks. `named`: one for each mailbox, message or content that it names, so all of them if it names
 * many; each of these gets the whole list of ids in a query, and only its own documents in a write.
 */
export type Reach = 'primary' | 'one' | 'named' | 'all';

export const REACHES: Readonly<Record<Reach, string>> = {
  primary: 'the primary shard: not sharded',
  one: 'one (two where a mailbox lies on both)',
  named: 'those of what it names',
  all: 'all',
};

export interface Query {
  /** As the driver reports it. */
  readonly command: 'find' | 'insert' | 'update' | 'delete' | 'findAndModify' | 'distinct';
  readonly collection: CollectionName;
  /** A name of indexes.ts, `_id_`, or `scan`: all documents are read, which are few. */
  readonly index: string;
  readonly reach: Reach;
  /** Not each time, but then. */
  readonly when?: string;
}

export interface OperationPlan {
  readonly operation: string;
  readonly about: string;
  readonly queries: readonly Query[];
}

type Options = Pick<Query, 'when'>;
const query =
  (command: Query['command']) =>
  (collection: CollectionName, index: string, reach: Reach, options: Options = {}): Query => ({
    command,
    collection,
    index,
    reach,
    ...options,
  });
const find = query('find');
const insert = query('insert');
const update = query('update');
const remove = query('delete');
const distinct = query('distinct');
const modify = query('findAndModify');

const currentMailbox = find('mailboxes', '_id_', 'one');
const journal = update('mailboxes', '_id_', 'one');
const rowsByUid = find('messages', '_id_', 'one');
const broughtIn = insert('messages', '_id_', 'one', { when: "another process's journal is not tidied yet" });
const quota = find('accounts', '_id_', 'primary', { when: 'not known for 5 s' });
const lastReference: readonly Query[] = [
  find('contents', '_id_', 'named'),
  remove('searchTexts', '_id_', 'named', { when: 'no row is left' }),
  remove('chunks', '_id_', 'named', { when: 'no row is left' }),
  remove('contents', '_id_', 'named', { when: 'no row is left' }),
];

export const OPERATIONS: readonly OperationPlan[] = [
  {
    operation: 'RCPT',
    about: 'RCPT TO of an account; a login',
    queries: [
      find('accounts', 'address', 'primary', { when: 'not known for 1 s' }),
      find('meta', '_id_', 'primary', { when: 'each second' }),
      find('aliases', 'scan', 'primary', { when: 'aliases or domains changed' }),
      find('domains', 'scan', 'primary', { when: 'aliases or domains changed' }),
    ],
  },
  {
    operation: 'delivery',
    about: 'a message of up to 256 KB into one mailbox',
    queries: [
      quota,
      find('mailboxes', 'name', 'one', { when: 'its INBOX is not known' }),
      insert('contents', '_id_', 'one'),
      journal,
      insert('messages', '_id_', 'one'),
      update('contents', '_id_', 'one'),
    ],
  },
  {
    operation: 'long delivery',
    about: 'what a longer message has besides, for each 256 KB',
    queries: [
      insert('spools', '_id_', 'primary'),
      insert('chunks', '_id_', 'one'),
      find('spools', '_id_', 'primary'),
      update('spools', '_id_', 'primary'),
      insert('contents', '_id_', 'one'),
      journal,
      insert('messages', '_id_', 'one'),
      update('contents', '_id_', 'one'),
    ],
  },
  {
    operation: 'relay',
    about: 'a message to a recipient elsewhere',
    queries: [
      insert('queue', '_id_', 'primary'),
      insert('contents', '_id_', 'one'),
      update('queue', 'content', 'primary'),
      update('contents', '_id_', 'one'),
    ],
  },
  {
    operation: 'claim',
    about: 'up to 500 items that are due; nothing if none is',
    queries: [
      find('queue', 'due', 'primary'),
      update('queue', '_id_', 'primary'),
      find('contents', '_id_', 'named', { when: 'they were claimed before' }),
    ],
  },
  { operation: 'next due', about: 'when to claim again', queries: [find('queue', 'due', 'primary')] },
  {
    operation: 'delivered',
    about: 'an item that was delivered elsewhere',
    queries: [update('contents', '_id_', 'one'), ...lastReference, remove('queue', '_id_', 'primary')],
  },
  {
    operation: 'deferred',
    about: 'an item that is tried again later',
    queries: [update('queue', '_id_', 'primary')],
  },
  {
    operation: 'LIST',
    about: 'the mailboxes of an account',
    queries: [find('mailboxes', 'name', 'one'), find('accounts', '_id_', 'primary')],
  },
  {
    operation: 'SELECT',
    about: 'a mailbox that is not in memory: all its rows',
    queries: [
      currentMailbox,
      broughtIn,
      rowsByUid,
      find('accounts', '_id_', 'primary'),
      modify('mailboxes', '_id_', 'one', { when: 'there is new mail' }),
    ],
  },
  {
    operation: 'SELECT again',
    about: 'one that is in memory: what changed since',
    queries: [
      currentMailbox,
      find('messages', 'modseq', 'one', { when: 'something changed' }),
      find('accounts', '_id_', 'primary'),
    ],
  },
  {
    operation: 'FETCH list',
    about: 'FLAGS and ENVELOPE, 2500 messages at a time',
    queries: [rowsByUid, find('contents', '_id_', 'named')],
  },
  {
    operation: 'FETCH body',
    about: 'BODY[] of one message of up to 128 KB',
    queries: [rowsByUid, find('contents', '_id_', 'one')],
  },
  {
    operation: 'FETCH long body',
    about: 'BODY[] of a longer one, 4 MB at a time',
    queries: [rowsByUid, find('contents', '_id_', 'one'), find('chunks', '_id_', 'named')],
  },
  {
    operation: 'STORE',
    about: 'flags of messages of one mailbox',
    queries: [{ ...currentMailbox, when: 'not known' }, rowsByUid, journal, update('messages', '_id_', 'one')],
  },
  {
    operation: 'COPY',
    about: 'up to 100 messages; more go through parts',
    queries: [
      currentMailbox,
      rowsByUid,
      quota,
      insert('intents', '_id_', 'primary'),
      update('contents', '_id_', 'named'),
      journal,
      insert('messages', '_id_', 'one'),
      remove('intents', '_id_', 'primary'),
    ],
  },
  {
    operation: 'MOVE',
    about: 'a COPY, and an EXPUNGE of the originals',
    queries: [
      currentMailbox,
      rowsByUid,
      insert('intents', '_id_', 'primary'),
      update('contents', '_id_', 'named'),
      journal,
      insert('messages', '_id_', 'one'),
      find('contents', '_id_', 'named'),
      update('messages', '_id_', 'one'),
      remove('intents', '_id_', 'primary'),
    ],
  },
  {
    operation: 'EXPUNGE',
    about: 'messages of one mailbox',
    queries: [
      { ...currentMailbox, when: 'not known' },
      rowsByUid,
      journal,
      update('contents', '_id_', 'named'),
      ...lastReference,
      update('messages', '_id_', 'one'),
    ],
  },
  {
    operation: 'SEARCH',
    about: 'BODY or TEXT, 1000 messages at a time, after a SELECT',
    queries: [find('searchTexts', '_id_', 'named')],
  },
  {
    operation: 'IDLE',
    about: 'new mail for a session, from another process',
    queries: [currentMailbox, broughtIn, find('messages', 'modseq', 'one')],
  },
  {
    operation: 'look',
    about: 'at 1000 open mailboxes and their accounts: each 10 s, without change streams each 0.4 s',
    queries: [find('mailboxes', '_id_', 'named'), find('accounts', '_id_', 'primary')],
  },
  {
    operation: 'tidying',
    about: 'what was done leaves the journals, 500 mailboxes at a time',
    queries: [update('mailboxes', '_id_', 'named')],
  },
  {
    operation: 'preparation',
    about: 'of texts for SEARCH, 10 contents at a time, where a process is idle',
    queries: [
      find('contents', 'unprepared', 'all'),
      find('contents', '_id_', 'one'),
      update('searchTexts', '_id_', 'one'),
      update('contents', '_id_', 'one'),
    ],
  },
  {
    operation: 'housekeeping',
    about: 'of each process, each 20 s',
    queries: [
      distinct('accounts', 'making', 'primary'),
      distinct('contents', 'open', 'all'),
      distinct('contents', 'trying', 'all'),
      distinct('mailboxes', 'journal', 'all'),
      distinct('intents', 'scan', 'primary'),
      distinct('queue', 'by', 'primary'),
      distinct('spools', 'scan', 'primary'),
      find('accounts', 'making', 'primary', { when: 'something was begun and not ended' }),
      find('intents', 'scan', 'primary', { when: 'something was begun and not ended' }),
      find('contents', 'trying', 'all', { when: 'something was begun and not ended' }),
      find('contents', 'open', 'all', { when: 'something was begun and not ended' }),
      find('mailboxes', 'removed', 'all'),
      find('contents', 'waiting', 'all'),
      find('messages', 'gone', 'all'),
      find('messages', 'kept', 'all', { when: 'expunged messages are kept' }),
      find('spools', 'at', 'primary'),
      find('queue', 'draft', 'primary'),
    ],
  },
  {
    operation: 'heartbeat',
    about: 'of each process, each second',
    queries: [
      update('processes', '_id_', 'primary'),
      find('processes', 'scan', 'primary'),
      remove('processes', 'scan', 'primary', { when: 'each hour' }),
    ],
  },
];

/** What mongosh is told. */
export function shardCommands(database: string): readonly string[] {
  const sharded = COLLECTIONS.filter(({ key }) => key !== null);
  return [
    `sh.enableSharding("${database}")`,
    ...sharded.map(({ collection, key }) => `sh.shardCollection("${database}.${collection}", ${keyText(key ?? {})})`),
    '// Where an import comes next: 256 ranges at once, which the balancer spreads while they are empty.',
    ...sharded
      .filter(({ split }) => split === true)
      .map(
        ({ collection, key }) =>
          `for (let i = 1; i < 256; i++) sh.splitAt("${database}.${collection}", ` +
          `{ ${Object.keys(key ?? {})[0] ?? '_id'}: i.toString(16).padStart(2, "0") })`,
      ),
  ];
}

export const keyText = (key: object): string =>
  `{ ${Object.entries(key)
    .map(([field, order]) => `${/^\w+$/.test(field) ? field : JSON.stringify(field)}: ${JSON.stringify(order)}`)
    .join(', ')} }`;
