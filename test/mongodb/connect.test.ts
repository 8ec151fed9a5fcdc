import { afterEach, beforeEach, expect, test } from 'vitest';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { StoreUnavailableError } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { type MongoProxy, openMongoProxy } from '../kit/mongo-proxy.ts';
import { uriWithDatabase } from '../kit/mongodb.ts';
import { openDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let proxy: MongoProxy;
beforeEach(async () => {
  database = await openDatabase();
  proxy = await openMongoProxy(database.uri);
});
afterEach(async () => {
  await proxy.close();
  await database.close();
});

const uri = (options: string): string => uriWithDatabase(`${proxy.uri}?${options}`, database.name);
const failureOf = (address: string): Promise<unknown> =>
  openMongoStore({ uri: address, log: quietLog }).then(
    () => null,
    (error: unknown) => error,
  );

test('a database that starts a little later is waited for, and a line says so', async () => {
  await proxy.leave();
  const lines: string[] = [];
  const opening = openMongoStore({
    uri: uri('serverSelectionTimeoutMS=300'),
    log: quietLog,
    patience: 30_000,
    progress(text) {
      lines.push(text);
      // Only once.
      if (lines.length === 1) void proxy.comeBack();
    },
  });
  const store = await opening;
  expect(await store.directory.list()).toEqual([]);
  await store.close();
  expect(lines[0]).toMatch(/^waiting for the database at 127\.0\.0\.1:\d+: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
  expect(lines.filter((line) => line.startsWith('waiting'))).toHaveLength(1);
});

test('one that is not there says where it was looked for, without the password', async () => {
  await proxy.leave();
  const address = uri('serverSelectionTimeoutMS=300').replace('//', '//me:secret@');
  const failure = await failureOf(address);
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(String(failure)).toMatch(
    /^StoreUnavailableError: mail_store, MongoDB at 127\.0\.0\.1:\d+: the database cannot be reached: connect ECONNREFUSED/,
  );
  expect(String(failure)).not.toContain('secret');
});

test('a user without rights is told which it needs', async () => {
  proxy.fault = ({ name }) => (name === 'update' ? { refuse: { code: 13, errmsg: 'not authorized' } } : undefined);
  const failure = await failureOf(uri(''));
  expect(failure).toBeInstanceOf(StoreUnavailableError);
  expect(String(failure)).toContain(
    'the user of mail_store needs the role readWrite on this database (not authorized)',
  );
});

test.each([
  ['w=1', 'w=1: only w=majority keeps mail safe'],
  ['journal=false', 'journal=false: only journal=true keeps mail safe'],
  ['readPreference=nearest', 'readPreference=nearest: only readPreference=primary keeps mail safe'],
])('a URI with %s is refused', async (option, expected) => {
  expect(String(await failureOf(uri(option)))).toContain(expected);
});

test('a URI as hosters give it is taken', async () => {
  const store = await openMongoStore({ uri: uri('retryWrites=true&w=majority&appName=x'), log: quietLog });
  await store.close();
});
