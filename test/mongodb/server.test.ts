import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

test('a unique index refuses', async () => {
  const names = database.db.collection('unique');
  await names.createIndex({ name: 1 }, { unique: true });
  await names.insertOne({ name: 'a' });
  await expect(names.insertOne({ name: 'a' })).rejects.toMatchObject({ code: 11000 });
});
