/** How much is in each collection, as the server says; null where it cannot say. */
import type { Db, Document } from 'mongodb';
import { connect } from './database/connect.ts';
import { COLLECTIONS, type CollectionName } from './plan.ts';

export interface CollectionSizes {
  readonly collection: CollectionName;
  readonly documents: number | null;
  /** Octets of all documents, and of one on average, as BSON. */
  readonly octets: number | null;
  readonly average: number | null;
  /** Octets on the disks, compressed. */
  readonly stored: number | null;
  /** Octets of each index. */
  readonly indexes: Readonly<Record<string, number>> | null;
  /** That have some of it; null where it is not sharded. */
  readonly shards: number | null;
}

export interface DatabaseSizes {
  readonly database: string;
  readonly server: string;
  readonly collections: readonly CollectionSizes[];
}

/** Changes nothing. Rejects with a user-readable message if the database cannot be reached. */
export async function readSizes(uri: string): Promise<DatabaseSizes> {
  const { client, db } = await connect({ uri, patience: 0, progress: () => {}, observe: undefined });
  try {
    const { version } = await db.command({ buildInfo: 1 });
    const collections: CollectionSizes[] = [];
    for (const { collection } of COLLECTIONS) collections.push(await sizesOf(db, collection));
    return { database: db.databaseName, server: String(version), collections };
  } finally {
    await client.close();
  }
}

async function sizesOf(db: Db, collection: CollectionName): Promise<CollectionSizes> {
  const parts = await statistics(db, collection);
  const documents = parts === null ? await counted(db, collection) : sum(parts, 'count');
  const octets = parts === null ? null : sum(parts, 'size');
  return {
    collection,
    documents,
    octets,
    average: octets === null || documents === null || documents === 0 ? null : Math.round(octets / documents),
    // Some servers say 0 where they do not know.
    stored: parts === null || octets === 0 ? null : sum(parts, 'storageSize') || null,
    indexes: parts === null ? null : indexesOf(parts),
    shards: parts?.some(({ shard }) => shard !== undefined) ? parts.length : null,
  };
}

/** One for each shard that has some of the collection. A server without the stage may know the older command. */
async function statistics(db: Db, collection: string): Promise<readonly Document[] | null> {
  try {
    const found = await db
      .collection(collection)
      // The stage has no other read concern.
      .aggregate([{ $collStats: { storageStats: {} } }], { readConcern: { level: 'local' } })
      .toArray();
    return found.map(({ shard, storageStats }) => ({ shard, ...storageStats }));
  } catch {
    return db.command({ collStats: collection }).then(
      (found) => [found],
      () => null,
    );
  }
}

const counted = (db: Db, collection: string): Promise<number | null> =>
  db
    .collection(collection)
    .estimatedDocumentCount()
    .catch(() => null);

/** Null if one of them does not say. */
function sum(parts: readonly Document[], field: string): number | null {
  const values = parts.map((part): unknown => part[field]);
  return values.every((value) => typeof value === 'number') ? values.reduce((all, value) => all + value, 0) : null;
}

function indexesOf(parts: readonly Document[]): Readonly<Record<string, number>> | null {
  const sizes: Record<string, number> = {};
  for (const { indexSizes } of parts) {
    if (typeof indexSizes !== 'object' || indexSizes === null) return null;
    for (const [name, size] of Object.entries(indexSizes)) sizes[name] = (sizes[name] ?? 0) + Number(size);
  }
  return sizes;
}
