/**
 * The store of a directory, only to be read: beside the server that writes it, or with the lock that keeps a server from
 * starting meanwhile. Nothing in the file changes, and a server's search.sqlite is left alone.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../../log.ts';
import type { OpenSource } from '../../source.ts';
import { Database } from './database.ts';
import { createCheckReads } from './front/check.ts';
import { createContentReads } from './front/content.ts';
import { createKeptReads } from './front/kept.ts';
import { createMailboxReads } from './front/mailbox-reads.ts';
import { createPluginStateReads } from './front/plugin-states.ts';
import { createQueueReads } from './front/queue.ts';
import { readerLink } from './front/reader-link.ts';
import { createTransferReads } from './front/transfer.ts';
import { READ_ONLY } from './reading/connection.ts';
import { startFailure } from './start-failure.ts';
import { workerEntry } from './worker-entry.ts';
import { InUseError, lockDirectory } from './writer/lock.ts';
import { requireCurrent } from './writer/schema.ts';

/** Rejects with a user-readable message if there is no store, or it is damaged or of another version. */
export async function openSqliteSource(directory: string, log: Log): Promise<OpenSource> {
  const path = join(directory, 'store.sqlite');
  if (!existsSync(path)) throw new Error(`${directory}: there is no store (no file store.sqlite)`);
  let unlock: (() => void) | null = null;
  try {
    unlock = lockUnlessServed(directory);
    const db = new Database(path, { ...READ_ONLY, cacheKib: 100 });
    try {
      requireCurrent(db, path);
    } finally {
      db.close();
    }
  } catch (error) {
    unlock?.();
    throw new Error(startFailure(directory, error), { cause: error });
  }
  const isServed = unlock === null;
  const reader = readerLink(workerEntry('reader'), directory, log);
  const read: typeof reader.call = (name, args) => reader.call(name, args);
  const directoryNow = () => read('loadDirectory', null);
  return {
    isServed,
    searchText: isServed ? null : (content) => read('searchText', { content: Number(content) }),
    source: {
      directory: {
        list: async () => (await directoryNow()).accounts,
        aliases: async () => new Map((await directoryNow()).aliases),
        domains: async () => (await directoryNow()).domains,
      },
      mailboxes: createMailboxReads(read),
      expunged: createKeptReads(read),
      content: createContentReads(read),
      queue: createQueueReads(read),
      pluginStates: createPluginStateReads(read),
      transfer: createTransferReads(read),
      check: createCheckReads(read),
    },
    async close() {
      await reader.close();
      unlock?.();
      unlock = null;
    },
  };
}

/** Null: a server has the store open. */
function lockUnlessServed(directory: string): (() => void) | null {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (error instanceof InUseError) return null;
    throw error;
  }
}
