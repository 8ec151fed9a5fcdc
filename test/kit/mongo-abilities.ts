/** What a MongoDB server can do, found out by doing it: some programs that speak its protocol cannot do everything. */
import type { Db, MongoClient } from 'mongodb';

const PROBES = {
  /** `collection.watch` gives what others change. */
  changeStreams: async (db: Db): Promise<boolean> => {
    await db.command({ aggregate: 'watched', pipeline: [{ $changeStream: {} }], cursor: {} });
    return true;
  },
  /** What a transaction wrote is gone when it is aborted. */
  transactions: async (db: Db): Promise<boolean> => {
    const written = db.collection('transaction');
    await written.insertOne({});
    await db.client.withSession(async (session) => {
      session.startTransaction();
      await written.insertOne({}, { session });
      await session.abortTransaction();
    });
    return (await written.countDocuments()) === 1;
  },
  /** An update may be a pipeline, which computes with fields. */
  pipelineUpdates: async (db: Db): Promise<boolean> => {
    const updated = db.collection<{ _id: string; a: number; b?: number }>('pipeline');
    await updated.insertOne({ _id: 'x', a: 1 });
    await updated.updateOne({ _id: 'x' }, [{ $set: { b: '$a' } }]);
    return (await updated.findOne())?.b === 1;
  },
  /** A unique index with a filter concerns only the documents that match it. */
  partialIndexes: async (db: Db): Promise<boolean> => {
    const indexed = db.collection('partial');
    await indexed.createIndex({ a: 1 }, { unique: true, partialFilterExpression: { b: true } });
    await indexed.insertMany([{ a: 1 }, { a: 1 }, { a: 1, b: true }]);
    return indexed.insertOne({ a: 1, b: true }).then(
      () => false,
      () => true,
    );
  },
};

export type MongoAbilities = Readonly<Record<keyof typeof PROBES, boolean>>;

/** Tries them in a database of its own, which is gone afterwards. */
export async function probeAbilities(client: MongoClient): Promise<MongoAbilities> {
  const db = client.db(`posthorn_probe_${process.pid}_${Date.now()}`);
  const found: [string, boolean][] = [];
  try {
    for (const [name, probe] of Object.entries(PROBES)) found.push([name, await probe(db).catch(() => false)]);
  } finally {
    await db.dropDatabase();
  }
  return Object.fromEntries(found) as MongoAbilities;
}
