/** The first connection. A database that starts at the same time, as in docker compose, is waited for. */
import { setTimeout as delay } from 'node:timers/promises';
import type { MongoClient } from 'mongodb';
import { firstLineOf, messageOf } from '../../../../errors.ts';
import { StoreUnavailableError } from '../../../store.ts';
import { clientOptions, collectionsOf, type Database } from './database.ts';
import { isPassing, toStoreError } from './failure.ts';

/** The database's name if the URI has none. */
const DATABASE = 'posthorn';
/** Between two attempts, ms: a line each. */
const EVERY = 5_000;

export interface Connecting {
  readonly uri: string;
  /** How long a database is waited for that cannot be reached, ms. */
  readonly patience: number;
  readonly progress: (text: string) => void;
  readonly observe: ((client: MongoClient) => void) | undefined;
}

/** Rejects with a readable message; StoreUnavailableError where it may work later. */
export async function connect(connecting: Connecting): Promise<Database> {
  const { patience, progress } = connecting;
  const began = performance.now();
  for (;;) {
    const attempt = performance.now();
    const client = await makeClient(connecting);
    try {
      await client.connect();
      return collectionsOf(client, client.db(nameOf(client, connecting.uri)));
    } catch (error) {
      await client.close();
      const waited = performance.now() - began;
      if (!isPassing(error) || waited + EVERY > patience) throw startFailure(client, error);
      progress(`waiting for the database at ${hostsOf(client)}: ${firstLineOf(error)}`);
    }
    await delay(Math.max(0, EVERY - (performance.now() - attempt)));
  }
}

async function makeClient({ uri, observe }: Connecting): Promise<MongoClient> {
  const driver = await import('mongodb').catch((error: unknown) => {
    throw new Error('mail_store = mongodb://… needs the package "mongodb": run "npm install mongodb"', {
      cause: error,
    });
  });
  try {
    const client = new driver.MongoClient(uri, { ...clientOptions(uri), monitorCommands: observe !== undefined });
    observe?.(client);
    return client;
  } catch (error) {
    throw new Error(`mail_store is not the URI of a MongoDB server: ${messageOf(error)}`, { cause: error });
  }
}

/** The driver's name for a URI without one is `test`. */
const nameOf = ({ options }: MongoClient, uri: string): string =>
  options.dbName === 'test' && !/\/test(\?|$)/.test(uri) ? DATABASE : options.dbName;

/** Without user and password. */
const hostsOf = ({ options }: MongoClient): string => options.srvHost ?? options.hosts.join(', ');

/** For messages. */
export const placeOf = ({ client, db }: Database): string => `${db.databaseName} at ${hostsOf(client)}`;

/** What a person reads of a start that failed. */
export function startFailure(client: MongoClient, error: unknown): Error {
  const known = toStoreError(error);
  const text = `mail_store, MongoDB at ${hostsOf(client)}: ${messageOf(known)}`;
  return known instanceof StoreUnavailableError
    ? new StoreUnavailableError(text, { cause: error })
    : new Error(text, { cause: error });
}
