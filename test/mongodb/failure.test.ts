/** What the driver throws when the server or the network fails, on real sockets: callers learn that it passes. */
import { type Collection, MongoClient } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientOptions } from '../../src/store/backend/mongodb/database/database.ts';
import { toStoreError } from '../../src/store/backend/mongodb/database/failure.ts';
import { type MongoFault, type MongoProxy, openMongoProxy } from '../kit/mongo-proxy.ts';
import { uriWithDatabase } from '../kit/mongodb.ts';
import { openDatabase, type TestDatabase } from './database.ts';

interface Row {
  readonly _id: string;
  readonly n?: number;
}

let database: TestDatabase;
let proxy: MongoProxy;
let client: MongoClient;
let rows: Collection<Row>;
beforeAll(async () => {
  database = await openDatabase();
  proxy = await openMongoProxy(database.uri);
  const uri = uriWithDatabase(`${proxy.uri}?minHeartbeatFrequencyMS=20`, database.name);
  client = await MongoClient.connect(uri, clientOptions(uri));
  rows = client.db().collection<Row>('rows');
  await rows.insertOne({ _id: 'z' });
});
afterAll(async () => {
  await client.close();
  await proxy.close();
  await database.close();
});

const fresh = (): Row => ({ _id: `${Math.random()}` });
const WRITES: Readonly<Record<string, () => Promise<unknown>>> = {
  insertOne: () => rows.insertOne(fresh()),
  insertMany: () => rows.insertMany([fresh(), fresh()], { ordered: false }),
  'insertMany of which one is there': () => rows.insertMany([fresh(), { _id: 'z' }], { ordered: false }),
  bulkWrite: () =>
    rows.bulkWrite([{ updateOne: { filter: { _id: 'z' }, update: { $inc: { n: 1 } } } }], { ordered: false }),
  updateMany: () => rows.updateMany({}, { $set: { n: 1 } }),
  findOneAndUpdate: () => rows.findOneAndUpdate({ _id: 'z' }, { $set: { n: 1 } }),
  deleteMany: () => rows.deleteMany({ _id: 'y' }),
};
const ALL = { ...WRITES, find: () => rows.find().toArray(), distinct: () => rows.distinct('n') };

const refuse = (code: number, codeName: string): MongoFault => ({ refuse: { code, codeName, errmsg: codeName } });
const away = 'StoreUnavailableError: the database cannot be reached: ';
const FAULTS: Readonly<Record<string, readonly [MongoFault, expected: string, acts?: typeof WRITES]>> = {
  'a connection that is cut before the server has the command': ['cut before', away],
  'a connection that is cut before the answer': ['cut after', away],
  NotWritablePrimary: [refuse(10_107, 'NotWritablePrimary'), away],
  InterruptedDueToReplStateChange: [refuse(11_602, 'InterruptedDueToReplStateChange'), away],
  ShutdownInProgress: [refuse(91, 'ShutdownInProgress'), away],
  PrimarySteppedDown: [refuse(189, 'PrimarySteppedDown'), away],
  WriteConcernTimeout: [
    { add: { writeConcernError: { code: 64, codeName: 'WriteConcernTimeout', errmsg: 'waited for replication' } } },
    away,
    WRITES,
  ],
  Unauthorized: [
    refuse(13, 'Unauthorized'),
    'StoreUnavailableError: the database refuses: the user of mail_store needs the role readWrite',
  ],
  AuthenticationFailed: [
    refuse(18, 'AuthenticationFailed'),
    'StoreUnavailableError: the database refuses the user and password of mail_store',
  ],
  OutOfDiskSpace: [refuse(14_031, 'OutOfDiskSpace'), 'StoreFullError: the database has no space left: '],
};

test.each(Object.entries(FAULTS))('%s', async (_, [fault, expected, acts = ALL]) => {
  for (const [name, act] of Object.entries(acts)) {
    // The driver reads a second time by itself.
    let left = 2;
    proxy.fault = ({ collection }) => {
      if (collection !== 'rows' || left === 0) return undefined;
      left -= 1;
      return fault;
    };
    const error: unknown = await act().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    proxy.fault = () => undefined;
    expect(String(toStoreError(error)), name).toContain(expected);
  }
});

test('what is no matter of the database stays as it is', async () => {
  const error: unknown = await rows.insertOne({ _id: 'z' }).catch((thrown: unknown) => thrown);
  expect(toStoreError(error)).toBe(error);
});
