/** The SQLite backend when the disk is full, the file is unusable, or another process uses it. */
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import { type Store, StoreFullError } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { checkFile } from './check-file.ts';
import { mailboxId } from './conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from './samples.ts';

let directory: string;
let store: Store | undefined;

beforeEach(() => {
  directory = temporaryFolder('trouble');
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  removeFolder(directory);
});

const open = async (
  options: { maxPages?: number; directory?: string; onFatal?: (error: Error) => void; warnings?: string[] } = {},
): Promise<Store> => {
  const { warnings = [], ...rest } = options;
  store = await openSqliteStore({
    directory,
    log: { ...quietLog, warn: (_fields, message) => void warnings.push(message) },
    ...rest,
  });
  return store;
};
const big = (queueId: string, account: number | string) =>
  sampleAcceptance(queueId, {
    bytes: Buffer.alloc(100_000, 'x'),
    deliveries: [toInbox(account)],
    queued: [queuedFor('w@qq.com')],
  });

/** Accepts from several callers until the disk is full. Returns how many were acknowledged. */
async function fillUp(filling: Store, account: number | string, name: string): Promise<number> {
  let accepted = 0;
  const errors: unknown[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async (_, loop) => {
      for (let i = 0; i < 1000; i += 1) {
        try {
          await filling.accept(big(`${name}-${loop}-${i}`, account));
          accepted += 1;
        } catch (error) {
          errors.push(error);
          return;
        }
      }
    }),
  );
  expect(errors).toHaveLength(8);
  for (const error of errors) expect(error).toBeInstanceOf(StoreFullError);
  return accepted;
}

describe('a full disk', () => {
  it('P20: refuses with StoreFullError, keeps nothing incomplete, and works again when there is room', async () => {
    const full = await open({ maxPages: 1000 });
    const account = await full.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    const accepted = await fillUp(full, account.id, 'F');
    expect(accepted).toBeGreaterThan(20);
    const inbox = await mailboxId(full, account.id, 'INBOX');
    expect(await full.mailboxes.status(inbox)).toMatchObject({ messages: accepted, uidNext: accepted + 1 });
    const spool = full.content.spool();
    await expect(
      (async () => {
        for (let i = 0; i < 100; i += 1) await spool.write(Buffer.alloc(CHUNK_SIZE, 'x'));
      })(),
    ).rejects.toBeInstanceOf(StoreFullError);
    await spool.discard();
    // Operations that free room are still possible, and the freed room is used again.
    expect((await full.mailboxes.expunge(inbox, undefined, { force: true })).uids).toHaveLength(accepted);
    await full.queue.remove({});
    await expect
      .poll(async () => {
        const answer = await full.accept(big('after', account.id)).catch(() => null);
        return answer !== null;
      })
      .toBe(true);
    await full.close();
    const again = await open();
    expect(await again.mailboxes.status(await mailboxId(again, account.id, 'INBOX'))).toMatchObject({ messages: 1 });
  });

  it('keeps counters and references correct, whichever operation hits the limit', { timeout: 60_000 }, async () => {
    let runs = 0;
    let serial = 0;
    const queueId = (kind: string, n: number): string => {
      serial += 1;
      return `${kind}${n}-${serial}`;
    };
    const operation = fc.tuple(
      fc.constantFrom('accept', 'spool', 'copy', 'move', 'flag', 'expunge', 'remove', 'rename'),
      fc.nat(60),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operation, { minLength: 1, maxLength: 8 }), { minLength: 10, maxLength: 30 }),
        async (rounds) => {
          runs += 1;
          const place = join(directory, String(runs));
          const tiny = await open({ maxPages: 90, directory: place });
          const account = await tiny.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
          const inbox = await mailboxId(tiny, account.id, 'INBOX');
          const sent = await mailboxId(tiny, account.id, 'Sent');
          const acts: Record<string, (n: number) => Promise<unknown>> = {
            accept: (n) =>
              tiny.accept(
                sampleAcceptance(queueId('T', n), {
                  bytes: Buffer.alloc(n * 1000),
                  deliveries: [toInbox(account.id)],
                  queued: [queuedFor('w@qq.com')],
                }),
              ),
            spool: async (n) => {
              const spool = tiny.content.spool();
              await spool.write(Buffer.alloc(CHUNK_SIZE + n));
              await tiny.accept({
                ...sampleAcceptance(queueId('S', n), { deliveries: [toInbox(account.id)] }),
                content: await spool.finish(),
              });
            },
            copy: (n) => tiny.mailboxes.copy(inbox, [[n, n + 5]], sent),
            move: (n) => tiny.mailboxes.move(sent, [[n, n + 5]], inbox),
            flag: (n) => tiny.mailboxes.store(inbox, [[1, n]], { op: 'add', flags: [`k${n}`, '\\Deleted'] }),
            expunge: (n) => tiny.mailboxes.expunge(inbox, [[n, n + 3]], { force: true }),
            remove: (n) => tiny.queue.remove({ queueIds: [`T${n}-${n}`] }),
            rename: (n) => tiny.mailboxes.create(account.id, `m${n}`),
          };
          for (const round of rounds) {
            const answers = await Promise.allSettled(round.map(([what, n]) => acts[what]?.(n)));
            for (const answer of answers) {
              if (answer.status === 'rejected')
                expect(['StoreFullError', 'MailboxError']).toContain((answer.reason as Error).name);
            }
          }
          await tiny.close();
          checkFile(place);
        },
      ),
      { numRuns: 8 },
    );
  });

  const root = process.getuid?.() === 0 && existsSync('/bin/mount');

  /**
   * Runs `work` on its own small file system; does nothing where a container forbids mounting (the tests above remain).
   */
  async function onSmallDisk(megabytes: number, work: (mount: string) => Promise<void>): Promise<void> {
    const mount = join(directory, 'tmpfs');
    mkdirSync(mount);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', mount], { stdio: 'ignore' });
    } catch {
      return;
    }
    try {
      await work(mount);
    } finally {
      await store?.close();
      store = undefined;
      execFileSync('umount', [mount]);
    }
  }

  /** Writes until not a single octet fits. */
  function fillDisk(mount: string, name: string): void {
    const file = openSync(join(mount, name), 'a');
    const fits = (size: number): boolean => {
      try {
        return writeSync(file, Buffer.alloc(size)) > 0;
      } catch {
        return false;
      }
    };
    for (const size of [1024 * 1024, 4096]) while (fits(size));
    closeSync(file);
  }

  it.runIf(root)(
    'P20: messages can be deleted on a full disk, and their room is reused, although no disk space is freed elsewhere',
    { timeout: 60_000 },
    () =>
      onSmallDisk(48, async (mount) => {
        const warnings: string[] = [];
        const full = await open({ directory: join(mount, 'store'), warnings });
        // Also if it is kept: the oldest goes first.
        full.expunged.keepFor(1e12);
        const account = await full.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
        const inbox = await mailboxId(full, account.id, 'INBOX');
        const accepted = await fillUp(full, account.id, 'F');
        expect(accepted).toBeGreaterThan(50);
        // Another program takes everything that was left for the store.
        fillDisk(mount, 'ballast');
        for (let round = 0; round < 3; round += 1) {
          const { messages } = await full.mailboxes.status(inbox);
          expect(
            (await full.mailboxes.store(inbox, [[1, 0xffff_ffff]], { op: 'add', flags: ['\\Deleted'] })).changed.length,
          ).toBe(messages);
          expect((await full.mailboxes.expunge(inbox)).uids).toHaveLength(messages);
          await full.queue.remove({});
          // Deleted content makes room inside the file once it is swept.
          await expect
            .poll(
              () =>
                full.accept(big(`after-${round}`, account.id)).then(
                  () => true,
                  () => false,
                ),
              { timeout: 10_000 },
            )
            .toBe(true);
          expect(await fillUp(full, account.id, `G${round}`)).toBeGreaterThan(20);
        }
        expect(warnings.filter((text) => text.includes('WAL')).length).toBeLessThan(5);
        await full.close();
        // A start on the same full disk, after another program took the room freed by the WAL.
        fillDisk(mount, 'more ballast');
        const again = await open({ directory: join(mount, 'store') });
        expect((await again.mailboxes.expunge(inbox, undefined, { force: true })).uids.length).toBeGreaterThan(20);
        await again.close();
        checkFile(join(mount, 'store'));
      }),
  );

  it.runIf(root)(
    'P20: if another program takes all room at once, the WAL is written back with the help of the reserve',
    () =>
      onSmallDisk(200, async (mount) => {
        const full = await open({ directory: join(mount, 'store') });
        const account = await full.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
        const inbox = await mailboxId(full, account.id, 'INBOX');
        fillDisk(mount, 'ballast');
        truncateSync(join(mount, 'ballast'), statSync(join(mount, 'ballast')).size - 40 * 1024 * 1024);
        // A reader keeps later changes from being written back.
        const reader = new DatabaseSync(join(mount, 'store', 'store.sqlite'), { readOnly: true });
        reader.exec('BEGIN; SELECT count(*) FROM content');
        await Promise.all(Array.from({ length: 40 }, (_, i) => full.accept(big(`W${i}`, account.id))));
        await expect.poll(() => existsSync(join(mount, 'store', 'store.reserve'))).toBe(true);
        fillDisk(mount, 'ballast');
        reader.close();
        expect(statSync(join(mount, 'store', 'store.sqlite')).size).toBeLessThan(2_000_000);
        // Much more than fits into the WAL without restarting it.
        for (let round = 0; round < 40; round += 1)
          await full.mailboxes.store(inbox, [[1, 40]], { op: 'add', flags: [`k${round}`] });
        expect((await full.mailboxes.expunge(inbox, undefined, { force: true })).uids).toHaveLength(40);
        expect(existsSync(join(mount, 'store', 'store.reserve'))).toBe(false);
        rmSync(join(mount, 'ballast'));
        await full.accept(big('after', account.id));
        await full.close();
        checkFile(join(mount, 'store'));
      }),
  );

  it.runIf(root)('P20: a start without any room reports a full disk', () =>
    onSmallDisk(8, async (mount) => {
      mkdirSync(join(mount, 'store'));
      fillDisk(mount, 'ballast');
      await expect(open({ directory: join(mount, 'store') })).rejects.toThrow(
        'the disk is full: free some space and start again',
      );
    }),
  );

  it.runIf(root)('P20: the same on a real file system that is full', () =>
    onSmallDisk(24, async (mount) => {
      writeFileSync(join(mount, 'filler'), Buffer.alloc(8 * 1024 * 1024));
      const full = await open({ directory: join(mount, 'store') });
      const account = await full.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
      const accepted = await fillUp(full, account.id, 'F');
      expect(accepted).toBeGreaterThan(5);
      const inbox = await mailboxId(full, account.id, 'INBOX');
      expect((await full.mailboxes.status(inbox)).messages).toBe(accepted);
      rmSync(join(mount, 'filler'));
      await full.accept(big('after', account.id));
      await full.close();
      const again = await open({ directory: join(mount, 'store') });
      expect((await again.mailboxes.status(inbox)).messages).toBe(accepted + 1);
      await again.close();
      const db = new DatabaseSync(join(mount, 'store', 'store.sqlite'));
      expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
      db.close();
    }),
  );
});

it('refuses temporarily, all calls at once, while a tool of the operator holds the file', {
  timeout: 20_000,
}, async () => {
  const held = await open();
  const account = await held.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  const db = new DatabaseSync(join(directory, 'store.sqlite'));
  db.exec('BEGIN IMMEDIATE');
  const answers = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => held.accept(big(`H${i}`, account.id))));
  db.exec('ROLLBACK');
  db.close();
  for (const answer of answers) expect(answer).toMatchObject({ reason: expect.any(StoreFullError) });
  await held.accept(big('after', account.id));
  expect(await held.mailboxes.status(await mailboxId(held, account.id, 'INBOX'))).toMatchObject({ messages: 1 });
});

describe('start', () => {
  it('refuses a directory that another store of this process uses, and says which process', async () => {
    await open();
    await expect(openSqliteStore({ directory, log: quietLog })).rejects.toThrow(`in use by process ${process.pid}`);
  });

  it('refuses a directory that another process uses, and opens it once that is killed', async () => {
    const script = `
      import { openSqliteStore } from ${JSON.stringify(join(import.meta.dirname, '../../src/store/backend/sqlite/open.ts'))};
      import { quietLog } from ${JSON.stringify(join(import.meta.dirname, '../kit/log.ts'))};
      await openSqliteStore({ directory: ${JSON.stringify(directory)}, log: quietLog });
      console.log('open');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await new Promise((resolve, reject) => {
        child.stdout.once('data', resolve);
        child.once('exit', () => reject(new Error('the other process ended at once')));
      });
      await expect(openSqliteStore({ directory, log: quietLog })).rejects.toThrow(`in use by process ${child.pid}`);
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
    await open();
  });

  it('closes twenty times, idle or at work, and is never reported as dead', { timeout: 120_000 }, async () => {
    const ROUNDS = 20;
    const deaths: Error[] = [];
    const account = await (await open()).directory.create({ address: 'a@b.example', passwordHash: '' });
    await store?.close();
    for (let turn = 0; turn < ROUNDS; turn += 1) {
      const opened = await open({ onFatal: (error) => deaths.push(error) });
      const accepted = opened.accept(sampleAcceptance(`Q${turn}`, { deliveries: [toInbox(account.id)] }));
      // Some with work in progress, some with a reader, some with neither.
      if (turn % 2 === 0) await accepted;
      if (turn % 4 === 0) await opened.queue.nextDue();
      if (turn % 5 === 0) expect(await opened.mailboxes.find(account.id, 'INBOX')).not.toBeNull();
      await opened.close();
      await accepted;
    }
    expect(deaths).toEqual([]);
    expect((await (await open()).mailboxes.status(await mailboxId(store as Store, account.id, 'INBOX'))).messages).toBe(
      ROUNDS,
    );
  });

  it('refuses a store of a newer version and leaves it unchanged', async () => {
    await (await open()).close();
    const db = new DatabaseSync(join(directory, 'store.sqlite'));
    db.exec('PRAGMA user_version = 99');
    db.close();
    await expect(open()).rejects.toThrow(/written by a newer Posthorn \(schema 99/);
  });

  it('refuses an SQLite file of another program, and a file that is not SQLite', async () => {
    const path = join(directory, 'store.sqlite');
    const db = new DatabaseSync(path);
    db.exec('CREATE TABLE theirs (a)');
    db.close();
    await expect(open()).rejects.toThrow('belongs to another program');
    writeFileSync(path, Buffer.alloc(20_000, 'not a database '));
    await expect(open()).rejects.toThrow(/store\.sqlite: the file is not an SQLite database/);
  });

  it('reports a damaged file, and what to do', async () => {
    const whole = await open();
    await whole.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
    await whole.close();
    const path = join(directory, 'store.sqlite');
    const file = openSync(path, 'r+');
    for (let at = 8192; at < statSync(path).size; at += 8192) writeSync(file, Buffer.alloc(64, 0xff), 0, 64, at);
    closeSync(file);
    await expect(open()).rejects.toThrow(/store\.sqlite: the file is damaged: restore a backup/);
  });

  it('says what to do if the file is locked by another program', { timeout: 20_000 }, async () => {
    await (await open()).close();
    const db = new DatabaseSync(join(directory, 'store.sqlite'));
    db.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE meta SET value = value');
    await expect(open()).rejects.toThrow(/another program has the file locked/);
    db.exec('ROLLBACK');
    db.close();
    await open();
  });

  it.runIf(process.getuid?.() !== 0)('reports a directory that cannot be created', async () => {
    chmodSync(directory, 0o500);
    await expect(open({ directory: join(directory, 'below') })).rejects.toThrow(join(directory, 'below'));
    chmodSync(directory, 0o700);
  });

  it('reports a directory that cannot be created because a file is in the way', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(open({ directory: join(directory, 'file') })).rejects.toThrow(join(directory, 'file'));
  });

  it('creates its directory for its owner only', async () => {
    await open({ directory: join(directory, 'a', 'b') });
    expect(statSync(join(directory, 'a', 'b')).mode & 0o077).toBe(0);
    for (const name of ['store.sqlite', 'store.sqlite-wal', 'store.sqlite-shm'])
      expect(statSync(join(directory, 'a', 'b', name)).mode & 0o077).toBe(0);
  });
});

it('removes spools left by a killed process, and content without references', async () => {
  const first = await open();
  const account = await first.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  const spool = first.content.spool();
  await spool.write(Buffer.alloc(CHUNK_SIZE * 2, 'x'));
  await spool.finish();
  await first.accept(big('A1', account.id));
  await first.queue.remove({});
  await first.mailboxes.expunge(await mailboxId(first, account.id, 'INBOX'), undefined, { force: true });
  await first.close();
  await open();
  const db = new DatabaseSync(join(directory, 'store.sqlite'), { readOnly: true });
  await expect
    .poll(() => db.prepare('SELECT (SELECT count(*) FROM content) + (SELECT count(*) FROM chunk) AS n').get()?.['n'])
    .toBe(0);
  db.close();
});

it('keeps the WAL bounded under load', async () => {
  const busy = await open();
  const account = await busy.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  for (let round = 0; round < 8; round += 1) {
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        busy.accept(
          sampleAcceptance(`W${round}-${i}`, { bytes: Buffer.alloc(900_000, 'x'), deliveries: [toInbox(account.id)] }),
        ),
      ),
    );
  }
  expect(statSync(join(directory, 'store.sqlite-wal')).size).toBeLessThan(128 * 1024 * 1024);
});
