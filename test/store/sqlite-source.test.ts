/** An SQLite store that is only read: beside its server, without one, after a crash. */
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { openSqliteSource } from '../../src/store/backend/sqlite/open-source.ts';
import type { OpenSource, StoreSource } from '../../src/store/source.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { queuedFor, sampleAcceptance, toInbox } from './samples.ts';

let directory: string;
let store: Store;
let opened: OpenSource | undefined;

beforeEach(async () => {
  directory = temporaryFolder('source');
  store = await openSqliteStore({ directory, log: quietLog });
  const { id } = await store.directory.create({ address: 'xixi@baidu.com', passwordHash: 'h' });
  await store.directory.setAlias('root@baidu.com', ['xixi@baidu.com']);
  await store.directory.setDomain('group.com', true);
  await deliver('A1', id);
});
afterEach(async () => {
  await opened?.close();
  opened = undefined;
  await store.close();
  removeFolder(directory);
});

const deliver = (queueId: string, id: number | string) =>
  store.accept(sampleAcceptance(queueId, { deliveries: [toInbox(id)], queued: [queuedFor('w@qq.com')] }));

const open = async (from = directory): Promise<OpenSource> => {
  opened = await openSqliteSource(from, quietLog);
  return opened;
};

/** Every operation of a source. */
async function read(source: StoreSource): Promise<unknown> {
  const mailboxes: unknown[] = [];
  for (const { id } of await source.directory.list()) {
    mailboxes.push(await source.mailboxes.subscriptions(id));
    for (const mailbox of await source.transfer.mailboxRecords(id)) {
      mailboxes.push(mailbox, await source.mailboxes.changes(mailbox.id, 1));
      for await (const rows of source.mailboxes.rows(mailbox.id, [[1, 9]], { envelope: true })) {
        for (const { content } of rows) {
          mailboxes.push(await source.transfer.contentRecords([content]), await source.content.read(content));
          for await (const piece of source.content.stream(content)) mailboxes.push(piece);
        }
        mailboxes.push(rows);
      }
    }
  }
  const items: unknown[] = [];
  for await (const some of source.queue.list()) items.push(...some);
  const { directory: known } = source;
  return [mailboxes, items, await known.list(), [...(await known.aliases())], await known.domains()];
}

describe('a source', () => {
  it('is read beside the server, as it is now', async () => {
    const { source, isServed } = await open();
    expect(isServed).toBe(true);
    expect(await read(source)).toEqual(await read(store));
    const { id } = await store.directory.create({ address: 'late@baidu.com', passwordHash: '' });
    await deliver('A2', id);
    expect(await read(source)).toEqual(await read(store));
    expect(await source.transfer.uidValidity()).toBe(await store.transfer.uidValidity());
  });

  it('keeps a server away where there was none, until it is closed', async () => {
    const before = await read(store);
    await store.close();
    const { source, isServed, close } = await open();
    expect(isServed).toBe(false);
    expect(await read(source)).toEqual(before);
    await expect(openSqliteStore({ directory, log: quietLog })).rejects.toThrow(`in use by process ${process.pid}`);
    await close();
    await (await openSqliteStore({ directory, log: quietLog })).close();
    expect(existsSync(join(directory, 'search.sqlite'))).toBe(false);
  });

  it('has what a server that crashed had confirmed', async () => {
    const crashed = temporaryFolder('crashed');
    for (const file of ['store.sqlite', 'store.sqlite-wal']) copyFileSync(join(directory, file), join(crashed, file));
    expect(statSync(join(crashed, 'store.sqlite-wal')).size).toBeGreaterThan(10_000);
    const { source, close } = await open(crashed);
    expect(await read(source)).toEqual(await read(store));
    await close();
    removeFolder(crashed);
  });

  it('is refused where there is no store, and for a file of another version or program', async () => {
    const none = temporaryFolder('none');
    await expect(open(none)).rejects.toThrow(`${none}: there is no store`);
    expect(existsSync(join(none, 'store.lock'))).toBe(false);
    removeFolder(none);
    await store.close();
    const change = (pragma: string): void => {
      const db = new DatabaseSync(join(directory, 'store.sqlite'));
      db.exec(`PRAGMA ${pragma}`);
      db.close();
    };
    for (const [pragma, reason] of [
      ['user_version = 0', 'was written by an older Posthorn'],
      ['user_version = 999', 'was written by a newer Posthorn'],
      ['application_id = 1', 'belongs to another program'],
    ] as const) {
      change(pragma);
      await expect(open()).rejects.toThrow(reason);
    }
    // The lock was given back.
    change('application_id = 1349481332');
    change('user_version = 4');
    store = await openSqliteStore({ directory, log: quietLog });
  });
});
