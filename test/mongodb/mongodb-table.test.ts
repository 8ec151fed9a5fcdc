/** P5: mongodb tables (mongodb_table(5)). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SharedTables } from '../../src/lookup/tables.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { recordLog } from '../kit/log.ts';
import { openDatabase, type TestDatabase } from './database.ts';

const folder = temporaryFolder('mongodb-table');
let database: TestDatabase;

beforeAll(async () => {
  database = await openDatabase();
  await database.db.collection('mailbox').insertMany([
    { mail: 'anna@example.com', to: 'a@example.net', uid: 7 },
    { mail: 'team@example.com', to: ['a@example.net', 'b@example.net'], more: { deep: ['c'] } },
    { mail: 'a"b@example.com', to: 'quoted' },
    { mail: 'odd@example.com', to: { $date: 1 }, at: new Date(0) },
  ]);
});
afterAll(async () => {
  await database?.close();
  removeFolder(folder);
});

let files = 0;

function open(...lines: string[]) {
  files += 1;
  const path = join(folder, `${files}.cf`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  const { log, lines: logged } = recordLog(({ message }) => message);
  const tables = new SharedTables({ resolvePath: (name) => name, log, clock: Date.now });
  return { table: tables.open(`mongodb:${path}`), logged, close: () => tables.close() };
}

const place = (uri = database.uri): string[] => [`uri = ${uri}`, `dbname = ${database.name}`, 'collection = mailbox'];
const FILTER = 'query_filter = {"mail": "%s"}';

test('P5: result_attribute names the fields; arrays give several results', async () => {
  const { table, close } = open(...place(), FILTER, 'result_attribute = to uid', 'result_format = <%s>');
  expect(await table.get('ANNA@example.com')).toBe('<a@example.net>,<7>');
  expect(await table.get('team@example.com')).toBe('<a@example.net>,<b@example.net>');
  expect(await table.get('nobody@example.com')).toBeUndefined();
  close();
});

test('P5: a projection gives all its fields', async () => {
  const { table, close } = open(...place(), FILTER, 'projection = {"more": 1}');
  expect(await table.get('team@example.com')).toBe('c');
  close();
});

test('P5: a key is never an operator', async () => {
  const { table, close } = open(...place(), 'query_filter = {"mail": "%u@%d"}', 'result_attribute = to');
  expect(await table.get('a"b@example.com')).toBe('quoted');
  expect(await table.get('", "mail": {"$ne": "@example.com')).toBeUndefined();
  expect(await table.get('example.com')).toBeUndefined();
  close();
});

test('P5: results beyond expansion_limit, and of a type that is no text, are temporary failures', async () => {
  const limited = open(...place(), FILTER, 'result_attribute = to', 'expansion_limit = 1');
  await expect(limited.table.get('team@example.com')).rejects.toThrow('expansion_limit');
  limited.close();
  const odd = open(...place(), FILTER, 'result_attribute = at');
  await expect(odd.table.get('odd@example.com')).rejects.toThrow('neither a string nor a number');
  odd.close();
});

test('P5: an outage is logged once, without the password', async () => {
  const uri = 'mongodb://user:a-secret@127.0.0.1:1/x?serverSelectionTimeoutMS=200';
  const { table, logged, close } = open(...place(uri), FILTER, 'result_attribute = to');
  for (let i = 0; i < 2; i += 1) await expect(table.get('a@b')).rejects.toMatchObject({ isLogged: true });
  expect(logged).toHaveLength(1);
  expect(logged[0]).not.toContain('a-secret');
  close();
});
