/** Parts of the SQLite backend: migrations, ranges, flags, names, the search file. */
import { closeSync, fstatSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Id } from '../../src/mail/account.ts';
import { listFlags, parseFlags } from '../../src/store/backend/flags.ts';
import { checkName, foldName, superiors } from '../../src/store/backend/names.ts';
import { clampRanges, formatUids, parseUids } from '../../src/store/backend/ranges.ts';
import { Database, emptyPageCaches } from '../../src/store/backend/sqlite/database.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { MIGRATIONS, migrate } from '../../src/store/backend/sqlite/writer/schema.ts';
import { writeSpool } from '../../src/store/backend/sqlite/writer/spool.ts';
import { sweep } from '../../src/store/backend/sqlite/writer/sweep.ts';
import { NO, UNKNOWN, YES } from '../../src/store/mailboxes.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { listKept } from './expunged.ts';
import { sampleAcceptance, toInbox } from './samples.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryFolder('parts');
});
afterEach(() => removeFolder(directory));

const openFile = (): Database =>
  new Database(join(directory, 'store.sqlite'), { synchronous: 'OFF', cacheKib: 1000, busyMs: 100 });

describe('migrations', () => {
  it('bring an older file up to date and keep its data', () => {
    const db = openFile();
    migrate(db, 'path');
    db.run("INSERT INTO domain VALUES ('baidu.com')");
    migrate(db, 'path', [...MIGRATIONS, "ALTER TABLE domain ADD COLUMN note TEXT NOT NULL DEFAULT 'old'"]);
    expect(db.all('SELECT * FROM domain').map((row) => ({ ...(row as object) }))).toEqual([
      { name: 'baidu.com', note: 'old' },
    ]);
    expect(() => migrate(db, 'path')).toThrow('newer Posthorn');
    db.close();
  });

  it('P9: from a version that did not keep the client: its queue items are delivered', async () => {
    const db = openFile();
    migrate(db, 'path', MIGRATIONS.slice(0, 3));
    db.exec(`
      INSERT INTO content (queue_id, refs, size, arrived_at, local, reverse_path, ret, envid, smtputf8, body, message_id,
        appended, envelope, body_structure, search, root) VALUES ('A1', 1, 4, 1, 0, 's@qq.com', '', '', 0, '', '', '[]', '', '', '{}', '{}');
      INSERT INTO item (content, recipient, original, notify, orcpt, destination, state, due_at)
        VALUES (1, 'r@qq.com', 'r@qq.com', '', '', 'qq.com', 0, 1);`);
    db.close();
    const store = await openSqliteStore({ directory, log: quietLog });
    const [item] = await store.queue.claim({ now: 2, limit: 5, leaseMs: 1000, exclude: [] });
    expect(item).toMatchObject({ queueId: 'A1', recipient: 'r@qq.com', reversePath: 's@qq.com' });
    expect(Object.keys(item ?? {}).filter((key) => ['client', 'verp', 'reports'].includes(key))).toEqual([]);
    await store.close();
  });

  it('from the version before: its messages can be expunged, kept and brought back', async () => {
    const db = openFile();
    migrate(db, 'path', MIGRATIONS.slice(0, 1));
    db.exec(`
      INSERT INTO account (address, password_hash, created_at) VALUES ('xixi@baidu.com', '', 1);
      INSERT INTO mailbox (account, name, uid_validity, uid_next, messages, unseen, size) VALUES (1, 'INBOX', 7, 2, 1, 1, 4);
      INSERT INTO content (queue_id, refs, size, arrived_at, local, reverse_path, ret, envid, smtputf8, body, message_id,
        appended, envelope, body_structure, search, root) VALUES ('A1', 1, 4, 1, 1, '', '', '', 0, '', '', '[]', '', '', '{}', '{}');
      INSERT INTO chunk VALUES (4096, x'61626364');
      INSERT INTO message VALUES (1, 1, 1, 0, '', 1, 4, NULL, 1, '');`);
    db.close();
    const store = await openSqliteStore({ directory, log: quietLog });
    store.expunged.keepFor(1e12);
    await store.mailboxes.expunge(1, undefined, { force: true });
    const [kept] = await listKept(store, 1);
    expect(kept).toMatchObject({ mailbox: 'INBOX', uidValidity: 7, uid: 1, content: 1 });
    expect(await store.expunged.restore([kept?.id ?? 0], 1)).toBe(1);
    expect(await store.mailboxes.status(1)).toMatchObject({ messages: 1, unseen: 1, size: 4, uidNext: 3 });
    await store.close();
  });

  it('leave the file unchanged if a migration fails', () => {
    const db = openFile();
    migrate(db, 'path');
    const failing = [...MIGRATIONS, 'CREATE TABLE half (a); INSERT INTO nowhere VALUES (1)'];
    expect(() => migrate(db, 'path', failing)).toThrow(`migration ${failing.length}`);
    expect(db.get('SELECT name FROM sqlite_schema WHERE name = ?', 'half')).toBeUndefined();
    migrate(db, 'path');
    db.close();
  });
});

describe('page caches', () => {
  it('are emptied while connections stay usable, in a transaction too; closed ones are left alone', () => {
    const db = openFile();
    db.exec('CREATE TABLE t (a)');
    db.run('BEGIN');
    db.run('INSERT INTO t VALUES (zeroblob(100000))');
    openFile().close();
    emptyPageCaches();
    db.run('COMMIT');
    emptyPageCaches();
    expect(db.tuple('SELECT length(a) FROM t')).toEqual([100_000]);
    db.close();
    emptyPageCaches();
  });
});

describe('spools', () => {
  it('are removed hours after their last chunk, not after their first', () => {
    const db = openFile();
    migrate(db, 'path');
    const w = { db, tell: () => {} };
    const hours = (n: number): number => Date.now() + n * 3600_000;
    const spool = writeSpool(w, { spool: 0, sequence: 0, bytes: Buffer.from('a') });
    db.run('UPDATE content SET arrived_at = ?', hours(-7));
    writeSpool(w, { spool, sequence: 1, bytes: Buffer.from('b') });
    sweep(db, hours(0));
    expect(writeSpool(w, { spool, sequence: 2, bytes: Buffer.from('c') })).toBe(spool);
    sweep(db, hours(7));
    expect(() => writeSpool(w, { spool, sequence: 3, bytes: Buffer.from('d') })).toThrow('was swept');
    expect(db.get('SELECT 1 FROM chunk')).toBeUndefined();
    db.close();
  });
});

describe('UID lists', () => {
  it('are unchanged after being written and read', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 300 })), (uids) => {
        const sorted = uids.sort((x, y) => x - y);
        expect(sorted.length === 0 ? [] : parseUids(formatUids(sorted))).toEqual(sorted);
      }),
    );
    expect(formatUids([1, 2, 3, 7, 9, 10])).toBe('1:3,7,9:10');
  });

  it('limit ranges to valid UIDs', () => {
    expect(
      clampRanges([
        [0, 3],
        [9, 5],
        [7, Number.POSITIVE_INFINITY],
      ]),
    ).toEqual([
      [1, 3],
      [7, 0xffff_ffff],
    ]);
  });
});

it('flags are the same after being parsed and listed', () => {
  const { mask, keywords } = parseFlags(['\\SEEN', 'Work', '\\deleted', '\\Recent']);
  expect(listFlags(mask, keywords.join(' '))).toEqual(['\\Deleted', '\\Seen', 'Work']);
  expect(listFlags(0, '')).toEqual([]);
});

it('names know INBOX in any case and their superiors', () => {
  expect(foldName('iNboX/Lists')).toBe('INBOX/Lists');
  expect(foldName('inboxes')).toBe('inboxes');
  expect(checkName('a/b/')).toBe('a/b');
  expect(superiors('a/b/c')).toEqual(['a', 'a/b']);
});

describe('the search file', () => {
  const openWithMail = async (queueId: string) => {
    const store = await openSqliteStore({ directory, log: quietLog });
    const account =
      (await store.directory.find('xixi@baidu.com')) ??
      (await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' }));
    const { content } = await store.accept(sampleAcceptance(queueId, { deliveries: [toInbox(account.id)] }));
    return { store, content, account };
  };

  it('is rebuilt if it is damaged', async () => {
    const { store, content } = await openWithMail('A1');
    await store.mailboxes.putSearchText(content, { body: 'text', headers: '', head: '' });
    await store.close();
    writeFileSync(join(directory, 'search.sqlite'), Buffer.alloc(10_000, 'damage'));
    const again = await openSqliteStore({ directory, log: quietLog });
    expect(await again.mailboxes.searchText(content)).toBeNull();
    expect(await again.mailboxes.unprepared(5)).toEqual([content]);
    await again.close();
  });

  it('is rebuilt if it is damaged while it is in use', async () => {
    const warnings: string[] = [];
    const log = { ...quietLog, warn: (_: object, message: string) => warnings.push(message) };
    const store = await openSqliteStore({ directory, log });
    const account = await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    const contents: Id[] = [];
    for (let i = 0; i < 400; i += 1)
      contents.push((await store.accept(sampleAcceptance(`A${i}`, { deliveries: [toInbox(account.id)] }))).content);
    const fill = async (): Promise<void> => {
      for (const content of contents)
        await store.mailboxes.putSearchText(content, {
          body: `${content} is `.repeat(4_000),
          headers: '',
          head: '',
        });
    };
    await fill();
    const path = join(directory, 'search.sqlite');
    const file = openSync(path, 'r+');
    const { size } = fstatSync(file);
    expect(size).toBeGreaterThan(5_000_000);
    writeSync(file, Buffer.alloc(size - 100_000, 'damage'), 0, size - 100_000, 50_000);
    closeSync(file);
    const search = async (): Promise<readonly number[]> => [
      ...(await store.mailboxes.searchContents(contents, { where: 'body', text: `${contents[7]} is ` })),
    ];
    expect(await search()).toEqual(contents.map(() => UNKNOWN));
    expect(warnings).toEqual([expect.stringMatching(/^search\.sqlite is damaged and is made again in idle time: /)]);
    expect(await store.mailboxes.unprepared(1_000)).toEqual(contents);
    await fill();
    const found = contents.map((content) => (String(content).endsWith(String(contents[7])) ? YES : NO));
    expect(await search()).toEqual(found);
    expect(warnings).toHaveLength(1);
    await store.close();
  });

  it('is rebuilt if another version of the program wrote it', async () => {
    const { store, content } = await openWithMail('A1');
    await store.mailboxes.putSearchText(content, { body: 'text', headers: '', head: '' });
    await store.close();
    rmSync(join(directory, 'search.sqlite'));
    const old = new Database(join(directory, 'search.sqlite'), { synchronous: 'OFF', cacheKib: 1024, busyMs: 1000 });
    old.exec(`CREATE TABLE body (content INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT; INSERT INTO body VALUES (${content}, 'old');
      CREATE TABLE mark (content INTEGER NOT NULL) STRICT; INSERT INTO mark VALUES (${content})`);
    old.close();
    const again = await openSqliteStore({ directory, log: quietLog });
    expect(await again.mailboxes.searchText(content)).toBeNull();
    expect(await again.mailboxes.unprepared(5)).toEqual([content]);
    await again.mailboxes.putSearchText(content, { body: 'new', headers: 'x: y', head: '' });
    expect(await again.mailboxes.searchText(content)).toEqual({ body: 'new', headers: 'x: y', head: '' });
    await again.close();
  });

  it('is discarded if the store was restored from an older backup: its texts would belong to other messages', async () => {
    const { store, content } = await openWithMail('A1');
    await store.mailboxes.putSearchText(content, { body: 'of the lost message', headers: '', head: '' });
    expect(await store.mailboxes.unprepared(5)).toEqual([]);
    await store.close();
    for (const name of ['store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm'])
      rmSync(join(directory, name), { force: true });
    const restored = await openSqliteStore({ directory, log: quietLog });
    expect(await restored.mailboxes.unprepared(5)).toEqual([]);
    await restored.close();
    const after = await openWithMail('B1');
    expect(after.content).toBe(content);
    expect(await after.store.mailboxes.searchText(content)).toBeNull();
    await after.store.close();
  });

  it('is searched piece by piece: calls of other sessions do not wait for all of very long texts', async () => {
    const { store } = await openWithMail('A1');
    const contents = Array.from({ length: 200 }, (_, i) => i + 1);
    const body = 'many words '.repeat(100_000);
    for (const content of contents) await store.mailboxes.putSearchText(content, { body, headers: '', head: '' });
    const order: string[] = [];
    const search = store.mailboxes
      .searchContents(contents, { where: 'body', text: 'no such word' })
      .then((verdicts) => {
        order.push('search');
        return verdicts;
      });
    await store.mailboxes.subscriptions(1).then(() => order.push('other'));
    expect([...(await search)]).toEqual(contents.map(() => NO));
    expect(order).toEqual(['other', 'search']);
    await store.close();
  });

  it('drops texts of deleted messages', async () => {
    const { store, content, account } = await openWithMail('A1');
    await store.mailboxes.putSearchText(content, { body: 'text', headers: '', head: '' });
    const inbox = await store.mailboxes.find(account.id, 'INBOX');
    await store.mailboxes.expunge(inbox?.id ?? 0, undefined, { force: true });
    await store.mailboxes.unprepared(5);
    await store.mailboxes.unprepared(5);
    expect(await store.mailboxes.searchText(content)).toBeNull();
    await store.close();
  });
});
