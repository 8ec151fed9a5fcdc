/** Damages between the collections of a MongoDB store are found, and mended where other data says what is right. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openMongoStore } from '../../src/store/backend/mongodb/open.ts';
import type { Inspection } from '../../src/store/check.ts';
import { CHUNK_SIZE } from '../../src/store/content.ts';
import type { Store } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';
import { mailboxId } from '../store/conformance.ts';
import { queuedFor, sampleAcceptance, toInbox } from '../store/samples.ts';
import { openDatabase, type TestDatabase } from './database.ts';

let database: TestDatabase;
let store: Store;
let inbox: string;

beforeEach(async () => {
  database = await openDatabase();
  store = await openMongoStore({ uri: database.uri, log: quietLog });
  const { id } = await store.directory.create({ address: 'xixi@baidu.com', passwordHash: '' });
  inbox = String(await mailboxId(store, id, 'INBOX'));
  const deliveries = [toInbox(id)];
  await store.accept(sampleAcceptance('A1', { deliveries, queued: [queuedFor('w@qq.com')] }));
  await store.accept(sampleAcceptance('L1', { deliveries, bytes: Buffer.alloc(2 * CHUNK_SIZE, 'x') }));
});
afterEach(async () => {
  await store.close();
  await database.close();
});

async function inspect(repair: boolean): Promise<Inspection[]> {
  const found: Inspection[] = [];
  for await (const inspection of store.check.inspect({ repair })) if (inspection.wrong > 0) found.push(inspection);
  return found;
}

const DAMAGES: readonly {
  readonly what: string;
  readonly damage: () => Promise<unknown>;
  readonly found: string;
  readonly mends: boolean;
}[] = [
  {
    what: 'a content that does not know its row',
    damage: () => at('contents').updateOne({ _id: 'A1' }, { $pull: { refs: 'd0' } as never }),
    found: 'its content A1 does not know of it',
    mends: true,
  },
  {
    what: 'a content that does not know its queue item',
    damage: () => at('contents').updateOne({ _id: 'A1' }, { $pull: { refs: 'q0' } as never }),
    found: 'its content A1 does not know of it',
    mends: true,
  },
  {
    what: 'a reference that leads nowhere',
    damage: () => at('contents').updateOne({ _id: 'A1' }, { $push: { refs: 'lost' } as never }),
    found: 'has 3 references, and 1 of them lead nowhere',
    mends: true,
  },
  {
    what: 'a content that is gone',
    damage: () => at('contents').deleteOne({ _id: 'A1' }),
    found: 'its content A1 does not exist',
    mends: false,
  },
  {
    what: 'a row with another size',
    damage: () => at('messages').updateOne({ content: 'A1' }, { $set: { size: 1 } }),
    found: 'its size is said to be 1 octets, and is 57',
    mends: true,
  },
  {
    what: 'a row without its mailbox',
    damage: () => at('mailboxes').deleteOne({ _id: inbox }),
    found: 'its mailbox does not exist',
    mends: false,
  },
  {
    what: 'chunks of no message',
    damage: () => at('chunks').insertOne({ _id: 'nobody.0', bytes: Buffer.from('x') }),
    found: 'no message has it',
    mends: true,
  },
  {
    what: 'an empty mailbox without its account',
    damage: () =>
      at('mailboxes').insertOne({ _id: 'x.1', account: 'x', name: 'INBOX', messages: 0, journal: [], modseq: 1 }),
    found: 'its account x does not exist',
    mends: true,
  },
];

const at = (collection: string) => database.db.collection<{ _id: string; [field: string]: unknown }>(collection);

it.each(DAMAGES)('$what', async ({ damage, found, mends }) => {
  // The acceptances are closed after their answer.
  await expect.poll(() => at('contents').countDocuments({ open: true })).toBe(0);
  expect(await inspect(false)).toEqual([]);
  await damage();
  for (const repair of [false, true]) {
    const problems = (await inspect(repair)).flatMap(({ findings }) => findings);
    expect(problems.map(({ problem }) => problem)).toContain(found);
    expect(problems.every(({ mended }) => mended === (repair && mends))).toBe(true);
  }
  if (mends) expect(await inspect(false)).toEqual([]);
});
