/**
 * The store in a MongoDB database, which any number of processes share. What was confirmed is on the disks of a majority
 * of the replica set's members. No operation needs a transaction: each has one document that decides (documents.ts), and
 * what follows from it can be finished by any process (housekeeping.ts).
 */
import type { MongoClient } from 'mongodb';
import type { Log } from '../../../log.ts';
import type { Spool } from '../../content.ts';
import type { Store } from '../../store.ts';
import { Acceptor } from './acceptance/accept.ts';
import { createContentStore } from './acceptance/content.ts';
import { deliverLate } from './acceptance/late.ts';
import { createQueue } from './acceptance/queue.ts';
import { MongoCluster } from './cluster/cluster.ts';
import { Feed } from './cluster/feed.ts';
import type { Context } from './context.ts';
import { connect, placeOf, startFailure } from './database/connect.ts';
import type { Database } from './database/database.ts';
import { Guard } from './database/guard.ts';
import { ensureIndexes } from './database/indexes.ts';
import { Outage } from './database/outage.ts';
import { createDirectory } from './directory.ts';
import { MailboxLog } from './log/mailbox-log.ts';
import { createExpunged } from './mailboxes/expunged.ts';
import { createMailboxes } from './mailboxes/mailboxes.ts';
import { Pictures } from './mailboxes/pictures.ts';
import { SearchTexts } from './mailboxes/search-texts.ts';
import { Targets } from './mailboxes/targets.ts';
import { Tree } from './mailboxes/tree.ts';
import { Watchers } from './mailboxes/watchers.ts';
import { createPluginStates } from './plugin-states.ts';
import { createProbeResults } from './probe-results.ts';
import { createTransfer } from './transfer.ts';
import { createCheck } from './upkeep/check.ts';
import { Housekeeping } from './upkeep/housekeeping.ts';

/** Raised when older versions can no longer use the database. 2: expunged messages may be kept. */
const SCHEMA = 2;

export interface MongoStoreOptions {
  /** `mongodb://` or `mongodb+srv://`, with the database's name as path. */
  readonly uri: string;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock?: () => number;
  /** Of Posthorn: what others see in the list of processes. */
  readonly version?: string;
  /** Hears what takes long at the start. */
  readonly progress?: (text: string) => void;
  /** How long a database is waited for that cannot be reached at the start, ms; not at all by default. */
  readonly patience?: number;
  /**
   * Gets the driver's client before it connects, with its command events on.
   * @internal
   */
  readonly observe?: (client: MongoClient) => void;
  /**
   * So many times sooner than usual a silent process is dead, and what it left is finished.
   * @internal
   */
  readonly hurry?: number;
}

/**
 * Rejects with a user-readable message if the database cannot be used, with StoreUnavailableError if it may be later.
 */
export async function openMongoStore(options: MongoStoreOptions): Promise<Store> {
  const { uri, log, clock = Date.now, version = '', hurry = 1, progress = () => {}, patience = 0, observe } = options;
  const database = await connect({ uri, patience, progress, observe });
  try {
    const streams = await prepare(database, progress);
    return await assemble(database, { log, clock, version, hurry, streams });
  } catch (error) {
    await database.client.close();
    throw startFailure(database.client, error);
  }
}

/** Schema and indexes. Returns whether the server has change streams. */
async function prepare(database: Database, progress: (text: string) => void): Promise<boolean> {
  const { meta, db } = database;
  const hello = await db.command({ hello: 1 });
  await meta.updateOne({ _id: 'schema' }, { $setOnInsert: { version: SCHEMA } }, { upsert: true });
  const version = (await meta.findOne({ _id: 'schema' }))?.version ?? SCHEMA;
  if (version > SCHEMA)
    throw new Error(`the database was written by a newer version (${version}; this one knows ${SCHEMA})`);
  if (version < SCHEMA) await meta.updateOne({ _id: 'schema' }, { $max: { version: SCHEMA } });
  await ensureIndexes(database, progress);
  return typeof hello['setName'] === 'string' || hello['msg'] === 'isdbgrid' || (await hasStreams(database));
}

async function hasStreams({ meta }: Database): Promise<boolean> {
  try {
    const stream = meta.aggregate([{ $changeStream: {} }]);
    await stream.tryNext();
    await stream.close();
    return true;
  } catch {
    return false;
  }
}

async function assemble(
  database: Database,
  {
    log,
    clock,
    version,
    hurry,
    streams,
  }: Pick<Required<MongoStoreOptions>, 'log' | 'clock' | 'version' | 'hurry'> & { readonly streams: boolean },
): Promise<Store> {
  const outage = new Outage({ log, where: placeOf(database) });
  const cluster = await MongoCluster.join({ db: database.db, log, outage, version, hurry });
  const by = cluster.id;
  const watchers = new Watchers(database, log);
  const mailboxLog: MailboxLog = new MailboxLog(database, by, log, (mailbox, from, to, changes) =>
    watchers.tell(mailbox, from, to, changes, mailboxLog),
  );
  const context: Context = {
    database,
    mailboxes: mailboxLog,
    by,
    log,
    clock,
    retention: { ms: null },
    running: new Set(),
  };
  const tree = new Tree(context, (account, mailbox) => watchers.tellTree(account, mailbox));
  const targets = new Targets(context, tree);
  const acceptor = new Acceptor(context, targets);
  const directory = createDirectory(context, tree);
  const queue = createQueue(context, cluster);
  const housekeeping = new Housekeeping({
    context,
    acceptor,
    directory,
    tree,
    queue,
    members: cluster,
    hurry,
  });
  const feed = new Feed(context, watchers, directory);
  cluster.onDeath((process) => housekeeping.died(process));
  await housekeeping.start();
  feed.start(streams);

  const pictures = new Pictures(database, mailboxLog);
  const texts = new SearchTexts(database);
  const guard = new Guard(outage);
  const content = createContentStore(database, by, clock);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await guard.close();
    await Promise.all([feed.close(), housekeeping.close()]);
    // Each would wait for a database that is away. Others do it when this process is dead.
    if (!outage.isOn) {
      await acceptor.close().catch(() => {});
      await mailboxLog.close().catch((error: unknown) => log.debug({ err: error }, 'journals are tidied by others'));
      await queue.recover().catch(() => {});
    }
    await cluster.close();
    await database.client.close();
  };
  return {
    ...guard.over({
      accept: (acceptance: Parameters<Store['accept']>[0]) => acceptor.accept(acceptance),
      deliver: (id, queueId, deliveries) => deliverLate(context, targets, String(id), queueId, deliveries),
    } satisfies Pick<Store, 'accept' | 'deliver'>),
    content: { ...guard.over(content), spool: () => guardedSpool(guard, content.spool()) },
    mailboxes: guard.over(createMailboxes({ context, tree, targets, pictures, texts, watchers })),
    expunged: guard.over(createExpunged(context, tree)),
    directory: guard.over(directory),
    queue: guard.over(queue),
    probeResults: guard.over(createProbeResults(context)),
    pluginStates: guard.over(createPluginStates(context)),
    cluster,
    transfer: guard.over(createTransfer(context, directory)),
    check: guard.over(createCheck(context, tree)),
    close() {
      closing ??= close();
      return closing;
    },
  };
}

const guardedSpool = (guard: Guard, spool: Spool): Spool =>
  guard.over({
    write: (chunk: Uint8Array) => spool.write(chunk),
    finish: () => spool.finish(),
    discard: () => spool.discard(),
  });
