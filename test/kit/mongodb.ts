/**
 * A MongoDB server for tests: the one that POSTHORN_TEST_MONGODB names; else `mongod` from PATH, a replica set of one
 * node; else mongo-java-server. What a server cannot do is in its `abilities`, found out by trying: the tests that need
 * it are skipped by name. (The server of the npm packages `@jongodb/memory-server-*` has no `$push`, `$pull` and change
 * streams, and keeps nothing on disk.)
 */
import { MongoClient } from 'mongodb';
import { type MongoAbilities, probeAbilities } from './mongo-abilities.ts';
import { javaProgram, missingPrograms as missingForJava } from './mongo-java/program.ts';
import { type MongoProcess, startProcess } from './mongo-process.ts';
import { mongodProgram } from './mongod.ts';

/** What of a server can be told to another process. */
export interface MongoAddress {
  /** For example `mongo-java-server 1.47.0`. */
  readonly name: string;
  /** HOST:PORT, for messages. */
  readonly at: string;
  /** Without a database. */
  readonly uri: string;
  readonly abilities: MongoAbilities;
  /** Whether we started it, and so can kill one like it. */
  readonly ours: boolean;
}

export interface MongoServer extends MongoAddress {
  uriFor(database: string): string;
  /** Undefined where the server is not ours. */
  readonly process: MongoProcess | undefined;
  /** Ends it and removes its data, if it is ours. */
  close(): Promise<void>;
}

const given = process.env['POSTHORN_TEST_MONGODB'] ?? '';

/** Programs that `startMongo` needs here and does not find. */
export const missingPrograms = (): string[] => (given !== '' || mongodProgram() !== null ? [] : missingForJava());

/** Throws where a program is missing or the server does not start. */
export async function startMongo(): Promise<MongoServer> {
  if (given !== '') return describe(given, undefined);
  const started = await startProcess(mongodProgram() ?? javaProgram());
  try {
    return await describe(started.uri, started);
  } catch (error) {
    await started.remove();
    throw error;
  }
}

async function describe(uri: string, ours: MongoProcess | undefined): Promise<MongoServer> {
  const client = await MongoClient.connect(uri, { serverSelectionTimeoutMS: 30_000 });
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return {
      name: ours?.name ?? `MongoDB ${version}`,
      at: client.options.hosts.join(','),
      uri,
      abilities: await probeAbilities(client),
      ours: ours !== undefined,
      uriFor: (database) => uriWithDatabase(uri, database),
      process: ours,
      close: async () => ours?.remove(),
    };
  } finally {
    await client.close();
  }
}

/** The URI of a database on the same server; who logs in is still looked up where the URI said. */
export function uriWithDatabase(uri: string, database: string): string {
  const parts = /^(mongodb(?:\+srv)?:\/\/[^/?]+)\/?([^?]*)\??(.*)$/.exec(uri);
  if (parts === null) throw new Error(`not the URI of a MongoDB server: ${uri}`);
  const [, server = '', source = '', given = ''] = parts;
  const options = new URLSearchParams(given);
  if (server.includes('@') && !options.has('authSource')) options.set('authSource', source || 'admin');
  return `${server}/${database}${options.size === 0 ? '' : `?${options}`}`;
}
