/**
 * A real store in its own folder, a login for its accounts, and messages to put into it. Where the run has a MongoDB
 * server (`npm run test:mongodb`) the store is a database there.
 */
import { inject } from 'vitest';
import type { Log } from '../../src/log.ts';
import type { Id } from '../../src/mail/account.ts';
import { MessageIndexer } from '../../src/protocol/mime/indexer.ts';
import { watchAccount } from '../../src/server/login/account-watch.ts';
import type { Authenticator } from '../../src/server/login/authenticator.ts';
import { NO_LOGINS } from '../../src/server/login/no-logins.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import type { Acceptance, Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from './folder.ts';
import type { MongoAddress } from './mongodb.ts';

/** Whether the run has a MongoDB server (`test/mongodb/setup.ts`). */
export const ON_MONGODB = (inject('mongo') as MongoAddress | undefined) !== undefined;

export interface TemporaryStore {
  readonly store: Store;
  /** Of its own, for files that are not the store's too. */
  readonly folder: string;
  /** Closes it and removes it with its folder. */
  close(): Promise<void>;
}

export async function openTemporaryStore(log: Log, clock: () => number = Date.now): Promise<TemporaryStore> {
  const folder = temporaryFolder('store');
  const { store, remove } = ON_MONGODB
    ? await openInDatabase(log, clock)
    : { store: await openSqliteStore({ directory: folder, log, clock }), remove: async () => {} };
  const close = async (): Promise<void> => {
    await store.close();
    await remove();
    removeFolder(folder);
  };
  return { store, folder, close };
}

async function openInDatabase(log: Log, clock: () => number): Promise<{ store: Store; remove: () => Promise<void> }> {
  // The other runs do not load the driver.
  const { openDatabase } = await import('../mongodb/database.ts');
  const { openMongoStore } = await import('../../src/store/backend/mongodb/open.ts');
  const database = await openDatabase();
  return { store: await openMongoStore({ uri: database.uri, log, clock }), remove: () => database.close() };
}

/** Accepts the password of `{PLAIN}…`; names without a domain belong to baidu.com. */
export const plainAuthenticator = ({ directory }: Store): Authenticator => ({
  ...NO_LOGINS,
  verify: async ({ login, password }) => {
    const account = await directory.find(login.includes('@') ? login : `${login}@baidu.com`);
    return account !== null && account.passwordHash === `{PLAIN}${password.toString('latin1')}`
      ? { ok: true, account }
      : { ok: false, reason: 'credentials' };
  },
  identify: async ({ login }) => {
    const account = await directory.find(login.includes('@') ? login : `${login}@baidu.com`);
    return account === null ? { ok: false, reason: 'credentials' } : { ok: true, account };
  },
  watch: (account, onEnd) => watchAccount(directory, account, onEnd),
});

/** Where a message goes. */
export interface Place {
  readonly account: Id;
  readonly mailbox?: string;
  readonly prefix?: string;
  readonly flags?: readonly string[];
  /** When it arrives, in ms. */
  readonly at?: number;
}

/** The acceptance of an anonymous message. */
export function acceptanceOf(queueId: string, bytes: Buffer, place: Place): Acceptance {
  const { account, mailbox = 'INBOX', prefix = '', flags = [], at = 0 } = place;
  const indexer = new MessageIndexer();
  indexer.write(bytes);
  return {
    queueId,
    arrivedAt: at,
    envelope: { reversePath: '', ret: '', envid: '', smtputf8: false, body: '8BITMIME' },
    content: { kind: 'inline', bytes },
    index: indexer.end(),
    deliveries: [{ account, mailbox: { name: mailbox }, prefix, flags, internalDate: at }],
    queued: [],
  };
}
