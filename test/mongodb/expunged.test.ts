/** G10 on one database with two servers: whoever expunges and whoever brings back, each message comes back once. */
import { expect, it } from 'vitest';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import { quietLog } from '../kit/log.ts';
import { collect, mailboxId } from '../store/conformance.ts';
import { listKept } from '../store/expunged.ts';
import { sampleAcceptance, toInbox } from '../store/samples.ts';
import { audit } from './audit.ts';
import { openDatabase } from './database.ts';

it('G10: two servers bring back the same messages, of a database of the version before', async () => {
  const database = await openDatabase({ promoteBuffers: true });
  const meta = database.db.collection<{ _id: string; version: number }>('meta');
  await meta.insertOne({ _id: 'schema', version: 1 });
  const stores = await Promise.all([1, 2].map(() => openMongoStore({ uri: database.uri, log: quietLog })));
  const [one, two] = stores;
  if (one === undefined || two === undefined) throw new Error('two stores');
  // Versions that do not know of kept messages do not start on it any more.
  expect(await meta.findOne({ _id: 'schema' })).toMatchObject({ version: 2 });
  for (const store of stores) store.expunged.keepFor(1e12);
  const { id: account } = await one.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  const inbox = await mailboxId(one, account, 'INBOX');
  for (let i = 0; i < 6; i += 1) await one.accept(sampleAcceptance(`E${i}`, { deliveries: [toInbox(account)] }));
  await one.mailboxes.expunge(inbox, [[1, 4]], { force: true });
  const ids = (await listKept(two, account)).map(({ id }) => id);
  expect(ids.length).toBe(4);
  const [here, there, gone] = await Promise.all([
    one.expunged.restore(ids.slice(0, 3), inbox),
    two.expunged.restore(ids.slice(1), inbox),
    two.mailboxes.expunge(inbox, [[5, 6]], { force: true }),
  ]);
  expect(here + there).toBe(4);
  expect(gone.uids).toEqual([5, 6]);
  const contents = (await collect(two, inbox)).map(({ content }) => content);
  expect(contents.toSorted()).toEqual(['E0', 'E1', 'E2', 'E3']);
  expect((await listKept(one, account)).map(({ content }) => content)).toEqual(['E4', 'E5']);
  await Promise.all(stores.map((store) => store.close()));
  expect(await audit(database.db)).toEqual([]);
  await database.close();
});
