/** A database of its own, on the server of the run, for a test file or a test. */
import { randomUUID } from 'node:crypto';
import { type Db, MongoClient, type MongoClientOptions } from 'mongodb';
import { inject } from 'vitest';
import { uriWithDatabase } from '../kit/mongodb.ts';

/** The server of the run: its `abilities` say which tests to skip. */
export const mongo = inject('mongo');

export interface TestDatabase {
  /** With the database's name. */
  readonly uri: string;
  readonly name: string;
  readonly db: Db;
  readonly client: MongoClient;
  /** Drops it, and closes the client. */
  close(): Promise<void>;
}

export async function openDatabase(options: MongoClientOptions = {}): Promise<TestDatabase> {
  // All as long as each other: with a database, mongo-java-server drops those whose names begin with its name.
  const name = `posthorn_${randomUUID().replaceAll('-', '')}`;
  const uri = uriWithDatabase(mongo.uri, name);
  const client = await MongoClient.connect(uri, options);
  const db = client.db(name);
  const close = async (): Promise<void> => {
    await db.dropDatabase();
    await client.close();
  };
  return { uri, name, db, client, close };
}
