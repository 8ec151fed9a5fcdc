/** Servers that begin at the same time on an empty database. */
import { expect, it } from 'vitest';
import { ensureFirstAccount } from '../../src/app/first-account.ts';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../kit/log.ts';
import { openDatabase } from './database.ts';

it('make one first account, and all of them start', async () => {
  const database = await openDatabase();
  const stores = await Promise.all([1, 2, 3].map(() => openMongoStore({ uri: database.uri, log: quietLog })));
  const made = await Promise.all(stores.map(({ directory }) => ensureFirstAccount(directory, 'example.test')));
  expect(made.filter((account) => account !== null)).toEqual([
    expect.objectContaining({ address: 'admin@example.test' }),
  ]);
  expect(await stores[0]?.directory.list()).toHaveLength(1);
  await Promise.all(stores.map((store) => store.close()));
  await database.close();
});
