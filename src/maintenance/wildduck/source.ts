/**
 * WildDuck's databases: usually one, but users and attachments may have their own (config/dbs.toml). The driver is an
 * optional dependency, loaded when it is needed.
 */
import type { Db } from 'mongodb';

export interface WildDuck {
  readonly main: Db;
  /** users, addresses, domainaliases, asps */
  readonly users: Db;
  /** attachments.files, attachments.chunks, storage.files */
  readonly gridfs: Db;
  close(): Promise<void>;
}

export interface WildDuckPlace {
  /** With the database's name. */
  readonly uri: string;
  /** Names of databases on the same server, where they are not the main one. */
  readonly users?: string | undefined;
  readonly gridfs?: string | undefined;
}

/** Time in which a server must answer at first, ms. */
const PATIENCE = 10_000;

export async function openWildDuck({ uri, users, gridfs }: WildDuckPlace): Promise<WildDuck> {
  const { MongoClient } = await driver();
  const client = new MongoClient(uri, { promoteBuffers: true, serverSelectionTimeoutMS: PATIENCE });
  try {
    await client.connect();
  } catch (error) {
    await client.close();
    throw error;
  }
  const main = client.db();
  return {
    main,
    users: users === undefined ? main : client.db(users),
    gridfs: gridfs === undefined ? main : client.db(gridfs),
    close: () => client.close(),
  };
}

/** Whether WildDuck has ever used these databases. */
export async function isWildDuck({ main, users }: WildDuck): Promise<boolean> {
  const has = async (db: Db, name: string): Promise<boolean> => (await db.collection(name).findOne()) !== null;
  return (await has(users, 'users')) && (await has(main, 'mailboxes'));
}

/** Loads the driver. Rejects with what to do where it is not installed. */
export async function driver(): Promise<typeof import('mongodb')> {
  try {
    return await import('mongodb');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'WildDuck keeps its mail in MongoDB, whose driver is not installed here; "npm install mongodb" installs it',
    );
  }
}

/** Of all errors of a message those end the whole: the others would meet them too. */
export const isConnectionLost = (error: unknown): boolean =>
  error instanceof Error && /^Mongo(?:Network|ServerSelection|NotConnected|Topology|WriteConcern)/.test(error.name);
