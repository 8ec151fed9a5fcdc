/**
 * A store is copied from SQLite into MongoDB and from there into SQLite, each time interrupted and resumed. With
 * POSTHORN_COPY_MESSAGES=20000 as large as a small server's; the figures are printed.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyStore } from '../../src/maintenance/copy/copy.ts';
import { Tally } from '../../src/maintenance/copy/tally.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { openSqliteStore } from '../../src/store/backend/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { quietLog } from '../kit/log.ts';
import { failing } from '../maintenance/interrupted.ts';
import { dump, randomFrom, VariedStore } from '../maintenance/varied-store.ts';
import { checkFile } from '../store/check-file.ts';
import { openDatabase, type TestDatabase } from './database.ts';

const MESSAGES = Number(process.env['POSTHORN_COPY_MESSAGES'] ?? 200);
const INTERRUPTIONS = 5;

const folders: string[] = [];
let database: TestDatabase;
let first: Store;

const openSqlite = (): Promise<Store> => {
  const directory = temporaryFolder('copy');
  folders.push(directory);
  return openSqliteStore({ directory, log: quietLog });
};
const openMongo = (): Promise<Store> => openMongoStore({ uri: database.uri, log: quietLog });

beforeAll(async () => {
  database = await openDatabase();
  first = await openSqlite();
  await new VariedStore(first, randomFrom(1)).fill(MESSAGES);
}, 600_000);
afterAll(async () => {
  await first.close();
  await database.close();
  for (const folder of folders) {
    checkFile(folder);
    removeFolder(folder);
  }
}, 600_000);

/** Interrupted after more and more writes; each time the target is opened again. */
async function copyInterrupted(source: Store, open: () => Promise<Store>, of: string): Promise<Store> {
  let target = await open();
  const begun = performance.now();
  const tally = new Tally();
  const copy = (into: Store) =>
    copyStore({ source, isServed: false, target: into, of, thorough: true, tally, onStep: () => {} });
  let interrupted = 0;
  for (; interrupted < INTERRUPTIONS; interrupted += 1) {
    const failed = await copy(failing(target, Math.ceil(MESSAGES / 20))).catch((error: unknown) => error);
    expect(failed).toMatchObject({ message: expect.stringMatching(/interrupted$/) });
    if (of.startsWith('sqlite')) {
      await target.close();
      target = await open();
    }
  }
  const { isComplete, comparison } = await copy(target);
  expect(comparison?.first).toEqual([]);
  expect(isComplete).toBe(true);
  const seconds = (performance.now() - begun) / 1000;
  console.log(`${MESSAGES} messages from ${of}, interrupted ${interrupted} times: ${Math.round(seconds)} s`);
  return target;
}

it('from SQLite into MongoDB and back: everything is equal', { timeout: 3_000_000 }, async () => {
  const second = await copyInterrupted(first, openMongo, 'sqlite:/old');
  const third = await copyInterrupted(second, openSqlite, 'mongodb://host/posthorn');
  const [a, b, c] = [await dump(first), await dump(second), await dump(third)];
  expect(b).toEqual(a);
  expect(c).toEqual(a);
  await Promise.all([second.close(), third.close()]);
});
