/** What the store leans on: a server that does not pass here cannot hold it. */
import type { ChangeStream, ChangeStreamDocument, Collection, Db, Document, MongoBulkWriteError } from 'mongodb';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startMongo } from '../kit/mongodb.ts';
import { mongo, openDatabase, type TestDatabase } from './database.ts';

interface Row extends Document {
  readonly _id: string;
}

let database: TestDatabase;
let made = 0;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

/** A collection with these documents. */
async function collectionOf(...documents: Row[]): Promise<Collection<Row>> {
  const collection = database.db.collection<Row>(`c${++made}`);
  if (documents.length > 0) await collection.insertMany(documents);
  return collection;
}

const name = (n: number): string => `m${String(n).padStart(6, '0')}`;

describe('indexes', () => {
  test('a unique index refuses, and says which', async () => {
    const rows = await collectionOf({ _id: 'a', account: 1, name: 'INBOX' });
    await rows.createIndex({ account: 1, name: 1 }, { unique: true, name: 'mailbox-name' });
    await rows.insertOne({ _id: 'b', account: 2, name: 'INBOX' });
    await expect(rows.insertOne({ _id: 'c', account: 1, name: 'INBOX' })).rejects.toMatchObject({
      code: 11000,
      message: expect.stringContaining('mailbox-name'),
    });
    await expect(rows.updateOne({ _id: 'b' }, { $set: { account: 1 } })).rejects.toMatchObject({ code: 11000 });
    await expect(rows.insertOne({ _id: 'a' })).rejects.toMatchObject({ code: 11000 });
    expect(await rows.countDocuments()).toBe(2);
  });

  test.skipIf(!mongo.abilities.partialIndexes)('a unique index with a filter leaves the others alone', async () => {
    const rows = await collectionOf(
      { _id: 'a', name: 'x' },
      { _id: 'b', name: 'x' },
      { _id: 'c', name: 'x', on: true },
    );
    await rows.createIndex({ name: 1 }, { unique: true, partialFilterExpression: { on: true } });
    await expect(rows.insertOne({ _id: 'd', name: 'x', on: true })).rejects.toMatchObject({ code: 11000 });
    await expect(rows.updateOne({ _id: 'a' }, { $set: { on: true } })).rejects.toMatchObject({ code: 11000 });
    await rows.updateOne({ _id: 'c' }, { $unset: { on: '' } });
    await rows.updateOne({ _id: 'a' }, { $set: { on: true } });
    await rows.deleteOne({ _id: 'a' });
    await rows.insertOne({ _id: 'a', name: 'x', on: true });
    expect(await rows.countDocuments({ on: true })).toBe(1);
  });

  test('an index may be created again, and expire documents', async () => {
    const rows = await collectionOf();
    for (const _ of [1, 2]) await rows.createIndex({ until: 1 }, { expireAfterSeconds: 0, name: 'until' });
    expect((await rows.indexes()).map(({ name }) => name)).toContain('until');
  });
});

describe('inserts', () => {
  test('insertMany that is not ordered says which were there, and inserts the others', async () => {
    const rows = await collectionOf({ _id: 'b' }, { _id: 'd' });
    const error: MongoBulkWriteError = await rows
      .insertMany([{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }, { _id: 'd' }, { _id: 'e' }], { ordered: false })
      .then(
        () => expect.fail('nothing was refused'),
        (error) => error,
      );
    expect([error.writeErrors].flat().map(({ index, code }) => [index, code])).toEqual([
      [1, 11000],
      [3, 11000],
    ]);
    expect(error.insertedCount).toBe(3);
    expect(await rows.distinct('_id')).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('an upsert inserts with $setOnInsert, and leaves alone what is there', async () => {
    const rows = await collectionOf();
    const upsert = () => rows.updateOne({ _id: 'a' }, { $setOnInsert: { next: 1 } }, { upsert: true });
    expect(await upsert()).toMatchObject({ upsertedCount: 1, upsertedId: 'a' });
    await rows.updateOne({ _id: 'a' }, { $inc: { next: 5 } });
    expect(await upsert()).toMatchObject({ upsertedCount: 0, matchedCount: 1, modifiedCount: 0 });
    expect(await rows.findOne()).toEqual({ _id: 'a', next: 6 });
  });

  test('binary data of 256 KiB comes back as it was', async () => {
    const bytes = Buffer.alloc(256 * 1024, Buffer.from(Array.from({ length: 251 }, (_, n) => n)));
    const rows = await collectionOf({ _id: 'a', bytes });
    const found = await rows.findOne({ _id: 'a' }, { promoteBuffers: true });
    expect(bytes.equals(found?.['bytes'])).toBe(true);
  });

  test('integers are exact up to 2^53', async () => {
    const rows = await collectionOf({ _id: 'a', n: Number.MAX_SAFE_INTEGER - 1 });
    await rows.updateOne({ _id: 'a' }, { $inc: { n: 1 } });
    expect(await rows.findOne({ n: Number.MAX_SAFE_INTEGER })).toEqual({ _id: 'a', n: Number.MAX_SAFE_INTEGER });
  });
});

describe('updates', () => {
  test('an update that asks for a number changes once', async () => {
    const rows = await collectionOf({ _id: 'a', rev: 1, by: 0 });
    const tries = await Promise.all(
      Array.from({ length: 8 }, (_, by) => rows.updateOne({ _id: 'a', rev: 1 }, { $set: { by }, $inc: { rev: 1 } })),
    );
    expect(tries.map(({ modifiedCount }) => modifiedCount).sort()).toEqual([0, 0, 0, 0, 0, 0, 0, 1]);
    expect(await rows.findOne()).toMatchObject({ rev: 2 });
  });

  test('$push of several, $set and $inc are one update', async () => {
    const rows = await collectionOf({ _id: 'a', rev: 7, journal: [{ m: 1 }] });
    const update = {
      $push: { journal: { $each: [{ m: 2 }, { m: 3 }] } },
      $set: { seen: true },
      $inc: { rev: 1, n: 2 },
    };
    await rows.updateOne({ _id: 'a', rev: 7 }, update as Document);
    const row = await rows.findOne();
    expect(row).toEqual({ _id: 'a', rev: 8, n: 2, seen: true, journal: [{ m: 1 }, { m: 2 }, { m: 3 }] });
  });

  test('$push may keep the last only', async () => {
    const rows = await collectionOf({ _id: 'a', journal: [1, 2, 3] });
    await rows.updateOne({ _id: 'a' }, { $push: { journal: { $each: [4, 5], $slice: -3 } } } as Document);
    expect(await rows.findOne()).toEqual({ _id: 'a', journal: [3, 4, 5] });
  });

  test('$pull takes out what matches', async () => {
    const rows = await collectionOf({ _id: 'a', journal: [{ m: 1 }, { m: 9 }, { m: 5, u: [1] }, { m: 6 }] });
    await rows.updateOne({ _id: 'a' }, { $pull: { journal: { m: { $lte: 5 } } }, $set: { from: 5 } } as Document);
    expect(await rows.findOne()).toEqual({ _id: 'a', from: 5, journal: [{ m: 9 }, { m: 6 }] });
  });

  test('$addToSet and $unset', async () => {
    const rows = await collectionOf({ _id: 'a', flags: ['x'], b: 1 });
    await rows.updateOne({ _id: 'a' }, { $addToSet: { flags: { $each: ['x', 'y'] } }, $unset: { b: '' } } as Document);
    expect(await rows.findOne()).toEqual({ _id: 'a', flags: ['x', 'y'] });
  });

  test('updateMany with many ids changes those', async () => {
    const ids = Array.from({ length: 3000 }, (_, n) => name(n));
    const rows = await collectionOf(...ids.map((_id) => ({ _id, seen: false })));
    const changed = ids.filter((_, n) => n % 3 === 0);
    const update = { $set: { seen: true }, $addToSet: { flags: '\\Seen' } } as Document;
    const done = await rows.updateMany({ _id: { $in: [...changed, 'none'] } }, update);
    expect(done).toMatchObject({ matchedCount: 1000, modifiedCount: 1000 });
    expect((await rows.find({ seen: true }).toArray()).map(({ _id }) => _id).sort()).toEqual(changed);
  });

  test('bulkWrite is one command for many updates of many', async () => {
    const rows = await collectionOf(...['a', 'b', 'c', 'd'].map((_id) => ({ _id, n: 0 })));
    const done = await rows.bulkWrite(
      [
        { updateMany: { filter: { _id: { $in: ['a', 'b'] } }, update: { $inc: { n: 1 } } } },
        { updateMany: { filter: { _id: { $gte: 'b' } }, update: { $inc: { n: 10 } } } },
        { updateOne: { filter: { _id: 'e' }, update: { $setOnInsert: { n: 5 } }, upsert: true } },
        { deleteOne: { filter: { _id: 'd' } } },
        { insertOne: { document: { _id: 'f', n: 6 } } },
      ],
      { ordered: true },
    );
    expect(done).toMatchObject({ matchedCount: 5, upsertedCount: 1, deletedCount: 1, insertedCount: 1 });
    expect((await rows.find().sort({ _id: 1 }).toArray()).map(({ _id, n }) => _id + n)).toEqual([
      'a1',
      'b11',
      'c10',
      'e5',
      'f6',
    ]);
  });

  test('a bulkWrite ends at the first fault if it is ordered, and goes on if it is not', async () => {
    const rows = await collectionOf({ _id: 'a', n: 1 }, { _id: 'b', n: 2 }, { _id: 'c', n: 3 });
    await rows.createIndex({ n: 1 }, { unique: true });
    const write = (ordered: boolean): Promise<MongoBulkWriteError> =>
      rows
        .bulkWrite(
          ['a', 'b', 'c'].map((_id) => ({
            updateOne: { filter: { _id }, update: { $set: { n: 3 }, $inc: { t: 1 } } },
          })),
          { ordered },
        )
        .then(
          () => expect.fail('nothing was refused'),
          (error) => error,
        );
    expect(await write(true)).toMatchObject({ code: 11000, result: { modifiedCount: 0 } });
    expect(await rows.findOne({ _id: 'c' })).toEqual({ _id: 'c', n: 3 });
    const error = await write(false);
    expect([error.writeErrors].flat().map(({ index }) => index)).toEqual([0, 1]);
    expect(await rows.findOne({ _id: 'c' })).toEqual({ _id: 'c', n: 3, t: 1 });
  });

  test('findOneAndUpdate gives the new document, and makes it where there is none', async () => {
    const rows = await collectionOf({ _id: 'a', next: 3 });
    const take = (_id: string) =>
      rows.findOneAndUpdate({ _id }, { $inc: { next: 1 } }, { returnDocument: 'after', upsert: true });
    expect(await take('a')).toEqual({ _id: 'a', next: 4 });
    expect(await take('b')).toEqual({ _id: 'b', next: 1 });
    const taken = await Promise.all(Array.from({ length: 10 }, () => take('a')));
    expect(new Set(taken.map((row) => row?.['next'])).size).toBe(10);
    const none = await rows.findOneAndUpdate({ _id: 'a', next: 0 }, { $inc: { next: 1 } });
    expect(none).toBeNull();
  });

  test('findOneAndUpdate and findOneAndDelete take the first in order', async () => {
    const rows = await collectionOf({ _id: 'a', at: 3 }, { _id: 'b', at: 1 }, { _id: 'c', at: 2 });
    const leased = await rows.findOneAndUpdate({ at: { $lte: 2 } }, { $set: { at: 9 } }, { sort: { at: 1 } });
    expect(leased).toEqual({ _id: 'b', at: 1 });
    expect(await rows.findOneAndDelete({}, { sort: { at: 1 } })).toEqual({ _id: 'c', at: 2 });
  });

  test.skipIf(!mongo.abilities.pipelineUpdates)('an update may compute with fields', async () => {
    const rows = await collectionOf({ _id: 'a', n: 2, m: 3 });
    await rows.updateOne({ _id: 'a' }, [{ $set: { n: { $add: ['$n', '$m'] } } }]);
    expect(await rows.findOne()).toEqual({ _id: 'a', n: 5, m: 3 });
  });

  test.skipIf(!mongo.abilities.transactions)('what a transaction wrote is gone when it is aborted', async () => {
    const rows = await collectionOf({ _id: 'a', n: 1 });
    await database.client.withSession(async (session) => {
      session.startTransaction();
      await rows.updateOne({ _id: 'a' }, { $inc: { n: 1 } }, { session });
      await session.abortTransaction();
    });
    expect(await rows.findOne()).toEqual({ _id: 'a', n: 1 });
  });
});

describe('queries', () => {
  test('a range of string ids is in order, in both directions, and may be limited', async () => {
    const ids = Array.from({ length: 500 }, (_, n) => name((n * 7) % 500));
    const rows = await collectionOf(...ids.map((_id) => ({ _id })));
    const asked = async (filter: object, order: 1 | -1, limit: number): Promise<string[]> => {
      const found = await rows.find(filter).sort({ _id: order }).limit(limit).toArray();
      return found.map(({ _id }) => _id);
    };
    expect(await asked({ _id: { $gte: name(100), $lt: name(103) } }, 1, 0)).toEqual([name(100), name(101), name(102)]);
    expect(await asked({ _id: { $gt: name(100) } }, 1, 2)).toEqual([name(101), name(102)]);
    expect(await asked({ _id: { $lte: name(100) } }, -1, 2)).toEqual([name(100), name(99)]);
    expect(await asked({ _id: { $gt: name(499) } }, 1, 2)).toEqual([]);
  });

  test('a projection gives the fields asked for', async () => {
    const rows = await collectionOf({ _id: 'a', uid: 1, head: { from: 'x', to: 'y' }, bytes: Buffer.alloc(10) });
    expect(await rows.findOne({}, { projection: { uid: 1, 'head.from': 1 } })).toEqual({
      _id: 'a',
      uid: 1,
      head: { from: 'x' },
    });
    expect(await rows.findOne({}, { projection: { _id: 0, bytes: 0, head: 0 } })).toEqual({ uid: 1 });
  });

  test('conditions on elements of arrays, on fields that are missing, and alternatives', async () => {
    const rows = await collectionOf(
      {
        _id: 'a',
        to: [
          { who: 1, done: true },
          { who: 2, done: false },
        ],
      },
      { _id: 'b', to: [{ who: 2, done: true }], at: 5 },
    );
    const asked = async (filter: object): Promise<string> => {
      const found = await rows.find(filter).sort({ _id: 1 }).toArray();
      return found.map(({ _id }) => _id).join('');
    };
    expect(await asked({ to: { $elemMatch: { who: 2, done: false } } })).toBe('a');
    expect(await asked({ 'to.who': 2 })).toBe('ab');
    expect(await asked({ at: { $exists: false } })).toBe('a');
    expect(await asked({ $or: [{ at: 5 }, { 'to.who': 1 }] })).toBe('ab');
    expect(await asked({ at: null })).toBe('a');
    expect(await asked({ _id: /^b/, at: { $ne: 6 } })).toBe('b');
  });

  test('a cursor over 6000 documents takes 2500 a command', async () => {
    const rows = await collectionOf(...Array.from({ length: 6000 }, (_, n) => ({ _id: name(n), n })));
    const watching = new MongoClient(database.uri, { monitorCommands: true });
    const commands: string[] = [];
    watching.on('commandStarted', ({ commandName }) => commands.push(commandName));
    try {
      const found = watching.db().collection<Row>(rows.collectionName).find().sort({ _id: 1 }).batchSize(2500);
      let expected = 0;
      for await (const { n } of found) if (n !== expected++) expect.fail(`${n} is out of order`);
      expect(expected).toBe(6000);
      expect(commands.filter((command) => command !== 'endSessions')).toEqual(['find', 'getMore', 'getMore']);
    } finally {
      await watching.close();
    }
  });

  test('an aggregation groups, sums and counts', async () => {
    const rows = await collectionOf(...[1, 2, 3, 4].map((n) => ({ _id: name(n), box: n % 2, size: n })));
    const sums = rows.aggregate([
      { $match: { size: { $gt: 1 } } },
      { $group: { _id: '$box', size: { $sum: '$size' }, n: { $sum: 1 } } },
      { $sort: { _id: 1 } },
    ]);
    expect(await sums.toArray()).toEqual([
      { _id: 0, size: 6, n: 2 },
      { _id: 1, size: 3, n: 1 },
    ]);
  });

  test('reads see what most nodes have, and writes are on the disks of most', async () => {
    const client = new MongoClient(database.uri, {
      readConcern: { level: 'majority' },
      writeConcern: { w: 'majority', journal: true },
    });
    try {
      const rows = client.db().collection<Row>('majority');
      await rows.insertOne({ _id: 'a' });
      await rows.updateOne({ _id: 'a' }, { $set: { n: 1 } });
      expect(await rows.findOne({ _id: 'a' })).toEqual({ _id: 'a', n: 1 });
      expect(await rows.find().toArray()).toHaveLength(1);
      expect(await rows.aggregate([{ $match: { n: 1 } }]).toArray()).toHaveLength(1);
      await rows.bulkWrite([{ updateOne: { filter: { _id: 'a' }, update: { $inc: { n: 1 } } } }]);
      expect(await rows.findOneAndDelete({ _id: 'a' })).toEqual({ _id: 'a', n: 2 });
    } finally {
      await client.close();
    }
  });
});

describe.skipIf(!mongo.abilities.changeStreams)('change streams', () => {
  type Change = ChangeStreamDocument<Row>;

  /** The changes that the stream of `watched` gives for what `act` does. */
  async function changesOf(
    watched: { watch: Db['watch'] } | { watch: Collection<Row>['watch'] },
    count: number,
    act: () => Promise<void>,
    pipeline: Document[] = [],
  ): Promise<Change[]> {
    const stream = watched.watch(pipeline, { fullDocument: 'updateLookup' }) as ChangeStream<Row, Change>;
    try {
      // A stream begins when it is asked for the first time.
      expect(await stream.tryNext()).toBeNull();
      await act();
      const changes: Change[] = [];
      while (changes.length < count) changes.push(await stream.next());
      return changes;
    } finally {
      await stream.close();
    }
  }

  const inShort = (change: Change): string =>
    `${change.operationType} ${'documentKey' in change ? change.documentKey._id : ''}`;

  test('one of a collection tells who was inserted, updated, replaced, deleted', async () => {
    const rows = await collectionOf({ _id: 'a', n: 1 });
    const changes = await changesOf(rows, 7, async () => {
      await rows.insertMany([{ _id: 'b' }, { _id: 'c' }]);
      await rows.updateOne({ _id: 'a' }, { $inc: { n: 1 }, $set: { on: true } });
      await rows.updateOne({ _id: 'none' }, { $inc: { n: 1 } });
      await rows.findOneAndUpdate({ _id: 'd' }, { $set: { n: 4 } }, { upsert: true });
      await rows.findOneAndUpdate({ _id: 'd' }, { $unset: { n: '' } });
      await rows.replaceOne({ _id: 'c' }, { n: 3 });
      await rows.deleteOne({ _id: 'b' });
    });
    expect(changes.map(inShort)).toEqual([
      'insert b',
      'insert c',
      'update a',
      'insert d',
      'update d',
      'replace c',
      'delete b',
    ]);
    expect(changes[2]).toMatchObject({
      ns: { db: database.name, coll: rows.collectionName },
      documentKey: { _id: 'a' },
      updateDescription: { updatedFields: { n: 2, on: true }, removedFields: [] },
      fullDocument: { _id: 'a', n: 2, on: true },
    });
    expect(changes[4]).toMatchObject({ updateDescription: { updatedFields: {}, removedFields: ['n'] } });
  });

  test('one of a database tells of all its collections, and of no other', async () => {
    const [one, other] = [await collectionOf({ _id: 'a' }), await collectionOf({ _id: 'b' })];
    const foreign = await openDatabase();
    try {
      const changes = await changesOf(database.db, 2, async () => {
        await foreign.db.collection<Row>('x').insertOne({ _id: 'foreign' });
        await one.updateOne({ _id: 'a' }, { $set: { n: 1 } });
        await other.updateOne({ _id: 'b' }, { $set: { n: 1 } });
      });
      expect(changes.map((change) => 'ns' in change && change.ns)).toEqual(
        [one, other].map(({ collectionName }) => ({ db: database.name, coll: collectionName })),
      );
    } finally {
      await foreign.close();
    }
  });

  test('one with a pipeline tells what passes it', async () => {
    const rows = await collectionOf({ _id: 'a' }, { _id: 'b' });
    const touch = (_id: string, field: string) => rows.updateOne({ _id }, { $set: { [field]: 1 } });
    const pipeline = [
      { $match: { operationType: 'update', 'updateDescription.updatedFields.rev': { $exists: true } } },
      { $project: { documentKey: 1 } },
    ];
    const act = async (): Promise<void> => {
      await touch('a', 'n');
      await touch('b', 'rev');
      await touch('b', 'n');
      await touch('a', 'rev');
    };
    const changes = await changesOf(rows, 2, act, pipeline);
    expect(changes).toEqual([
      { _id: expect.anything(), documentKey: { _id: 'b' } },
      { _id: expect.anything(), documentKey: { _id: 'a' } },
    ]);
  });

  test('what was refused is not told', async () => {
    const rows = await collectionOf({ _id: 'b' });
    const changes = await changesOf(rows, 2, async () => {
      const some = [{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }];
      await rows.insertMany(some, { ordered: false }).catch(() => {});
    });
    expect(changes.map(inShort)).toEqual(['insert a', 'insert c']);
  });

  test('a change is told while the stream waits, and a waiting stream is quiet', async () => {
    const rows = await collectionOf({ _id: 'a' });
    const watching = new MongoClient(database.uri, { monitorCommands: true });
    const asked: number[] = [];
    const stream = watching.db().collection<Row>(rows.collectionName).watch();
    try {
      expect(await stream.tryNext()).toBeNull();
      const askedOften = new Promise<void>((resolve) => {
        watching.on('commandStarted', () => {
          if (asked.push(performance.now()) === 4) resolve();
        });
      });
      const next = stream.next();
      await askedOften;
      // Not one question after the other: 4 take three waits, of 100 ms or more.
      expect((asked[3] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(150);
      await rows.updateOne({ _id: 'a' }, { $set: { n: 1 } });
      expect(await next).toMatchObject({ operationType: 'update' });
    } finally {
      await stream.close();
      await watching.close();
    }
  });

  test('one is resumed where it was, also when it told nothing yet', async () => {
    const rows = await collectionOf({ _id: 'a' });
    const first = rows.watch();
    await first.tryNext();
    const token = first.resumeToken;
    await first.close();
    await rows.updateOne({ _id: 'a' }, { $set: { n: 1 } });
    await rows.deleteOne({ _id: 'a' });
    const second = rows.watch([], { resumeAfter: token });
    try {
      expect(inShort(await second.next())).toBe('update a');
      const after = second.resumeToken;
      await second.close();
      const third = rows.watch([], { resumeAfter: after });
      expect(inShort(await third.next())).toBe('delete a');
      await third.close();
    } finally {
      await second.close();
    }
  });
});

describe.skipIf(!mongo.ours)('a server that is killed', () => {
  test('has what it acknowledged, with its indexes', async () => {
    const server = await startMongo();
    const ours = server.process ?? expect.fail('mongo.ours says that it is');
    const client = new MongoClient(server.uriFor('kill'), {
      writeConcern: { w: 'majority', journal: true },
      serverSelectionTimeoutMS: 30_000,
      retryWrites: false,
    });
    const rows = client.db().collection<Row>('rows');
    try {
      await rows.createIndex({ n: 1 }, { unique: true });
      const acknowledged: number[] = [];
      let next = 0;
      for (const round of [1, 2, 3]) {
        let killed = false;
        const goal = acknowledged.length + 60;
        const enough = Promise.withResolvers<void>();
        const insert = async (): Promise<void> => {
          while (!killed) {
            const n = next++;
            try {
              await rows.insertOne({ _id: name(n), n, bytes: Buffer.alloc(1000 * (n % 10), n) });
              if (acknowledged.push(n) === goal) enough.resolve();
              await rows.updateOne({ _id: name(n) }, { $set: { round } });
            } catch {
              return; // It is killed.
            }
          }
        };
        const inserting = Promise.all(Array.from({ length: 5 }, insert));
        await enough.promise;
        await ours.kill();
        killed = true;
        await inserting;
        await ours.restart();
        const found = await rows.find().sort({ n: 1 }).toArray();
        const there = new Set(found.map(({ n }) => n));
        expect(acknowledged.filter((n) => !there.has(n))).toEqual([]);
        for (const { n, bytes } of found) expect(bytes.length(), `message ${n}`).toBe(1000 * (n % 10));
        // The index and the documents are of the same moment.
        const first = found[0]?.['n'];
        await expect(rows.insertOne({ _id: `again${round}`, n: first })).rejects.toMatchObject({ code: 11000 });
        const lost = Array.from({ length: next }, (_, n) => n).filter((n) => !there.has(n));
        for (const n of lost) await rows.insertOne({ _id: name(n), n, bytes: Buffer.alloc(1000 * (n % 10), n) });
        acknowledged.push(...lost);
      }
    } finally {
      await client.close();
      await server.close();
    }
  });

  test.skipIf(!mongo.abilities.changeStreams)('resumes change streams', async () => {
    const server = await startMongo();
    const ours = server.process ?? expect.fail('mongo.ours says that it is');
    const client = new MongoClient(server.uriFor('kill'), { serverSelectionTimeoutMS: 30_000 });
    const rows = client.db().collection<Row>('rows');
    try {
      await rows.insertOne({ _id: 'a', n: 0 });
      const stream = rows.watch();
      expect(await stream.tryNext()).toBeNull();
      const token = stream.resumeToken;
      await rows.updateOne({ _id: 'a' }, { $inc: { n: 1 } });
      await ours.kill();
      await stream.close();
      await ours.restart();
      // The driver resumes by itself too, but gives up if the server is not there at once.
      const resumed = rows.watch([], { resumeAfter: token });
      const counted = { operationType: 'update', documentKey: { _id: 'a' } };
      expect(await resumed.next()).toMatchObject({ ...counted, updateDescription: { updatedFields: { n: 1 } } });
      await rows.updateOne({ _id: 'a' }, { $inc: { n: 1 } });
      expect(await resumed.next()).toMatchObject({ ...counted, updateDescription: { updatedFields: { n: 2 } } });
      await resumed.close();
    } finally {
      await client.close();
      await server.close();
    }
  });

  test('that is stopped in order, and started again, has everything', async () => {
    const server = await startMongo();
    const ours = server.process ?? expect.fail('mongo.ours says that it is');
    const client = new MongoClient(server.uriFor('stop'), { serverSelectionTimeoutMS: 30_000 });
    try {
      const rows = client.db().collection<Row>('rows');
      await rows.insertOne({ _id: 'a' });
      await ours.stop();
      await ours.restart();
      expect(await rows.findOne()).toEqual({ _id: 'a' });
    } finally {
      await client.close();
      await server.close();
    }
  });
});
