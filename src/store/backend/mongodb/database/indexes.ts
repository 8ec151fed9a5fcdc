/** The indexes, made and checked at each start. `_id` is one already: most queries use no other. */
import type { IndexDescription } from 'mongodb';
import { type Database, LASTING } from './database.ts';

interface Wanted {
  readonly collection: Exclude<keyof Database, 'client' | 'patience' | 'db'>;
  readonly index: IndexDescription & { readonly name: string };
  /** Which query needs it. */
  readonly use: string;
}

export const INDEXES: readonly Wanted[] = [
  { collection: 'accounts', index: { name: 'address', key: { address: 1 }, unique: true }, use: 'RCPT TO, login' },
  { collection: 'mailboxes', index: { name: 'name', key: { account: 1, name: 1 }, unique: true }, use: 'SELECT, LIST' },
  {
    collection: 'mailboxes',
    index: { name: 'journal', key: { 'journal.by': 1 }, sparse: true },
    use: 'taking over what a dead process began',
  },
  {
    collection: 'mailboxes',
    index: { name: 'removed', key: { removed: 1 }, sparse: true },
    use: 'emptying removed mailboxes',
  },
  {
    collection: 'messages',
    index: { name: 'modseq', key: { mailbox: 1, modseq: 1 } },
    use: 'what changed since a MODSEQ: QRESYNC, sessions on other processes',
  },
  { collection: 'messages', index: { name: 'gone', key: { gone: 1 }, sparse: true }, use: 'forgetting old expunges' },
  {
    collection: 'messages',
    index: { name: 'kept', key: { 'gone.kept': 1 }, sparse: true },
    use: 'removing expunged messages whose time is over',
  },
  {
    collection: 'accounts',
    index: { name: 'making', key: { 'making.by': 1 }, sparse: true },
    use: 'finishing accounts',
  },
  {
    collection: 'contents',
    index: { name: 'trying', key: { 'trying.by': 1 }, sparse: true },
    use: 'finishing late deliveries',
  },
  { collection: 'contents', index: { name: 'open', key: { open: 1 }, sparse: true }, use: 'finishing acceptances' },
  {
    collection: 'contents',
    index: { name: 'unprepared', key: { unprepared: 1, _id: 1 }, partialFilterExpression: { unprepared: true } },
    use: 'preparing texts for SEARCH',
  },
  {
    collection: 'contents',
    index: { name: 'waiting', key: { waiting: 1 }, sparse: true },
    use: 'sweeping what a transfer left',
  },
  { collection: 'spools', index: { name: 'at', key: { at: 1 } }, use: 'sweeping abandoned spools' },
  { collection: 'pluginStates', index: { name: 'expiry', key: { expiresAt: 1 } }, use: 'dropping what is expired' },
  {
    collection: 'probeResults',
    index: { name: 'oldest', key: { status: 1, updatedAt: 1 } },
    use: 'dropping what is expired',
  },
  { collection: 'queue', index: { name: 'due', key: { state: 1, dueAt: 1, _id: 1 } }, use: 'claims' },
  { collection: 'queue', index: { name: 'content', key: { content: 1 } }, use: 'postqueue and postsuper by queue ID' },
  { collection: 'queue', index: { name: 'by', key: { by: 1 } }, use: 'leases of a process' },
  { collection: 'queue', index: { name: 'draft', key: { draft: 1 }, sparse: true }, use: 'sweeping drafts' },
];

/** Makes what is missing; `progress` hears of it, for it takes long on a large collection. */
export async function ensureIndexes(database: Database, progress: (text: string) => void): Promise<void> {
  const collections = [...new Set(INDEXES.map(({ collection }) => collection))];
  // A collection that does not exist yet has none.
  const known = new Map(
    await Promise.all(collections.map(async (name) => [name, await database[name].indexes().catch(() => [])] as const)),
  );
  for (const { collection, index } of INDEXES) {
    const same = known.get(collection)?.find(({ name }) => name === index.name);
    if (same !== undefined && JSON.stringify(same.key) === JSON.stringify(index.key)) continue;
    progress(`database: making the index ${collection}.${index.name}`);
    if (same !== undefined) await database[collection].dropIndex(index.name);
    await database[collection].createIndexes([index], LASTING);
  }
}
