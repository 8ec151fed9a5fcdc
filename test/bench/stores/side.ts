/** One of the compared servers: the same configuration, with its mail in one kind of store. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openMongoStore } from '../../../src/store/backend/mongodb/open.ts';
import { openSqliteStore } from '../../../src/store/backend/sqlite/open.ts';
import { removeFolder } from '../../kit/folder.ts';
import { finish } from '../../kit/launch.ts';
import { quietLog } from '../../kit/log.ts';
import type { MongoServer } from '../../kit/mongodb.ts';
import { freeOffset } from '../../kit/ports.ts';
import { makeFolders, startServer } from '../../kit/server.ts';
import { benchOptions } from '../configuration.ts';
import { treeOf } from '../peers/process-tree.ts';
import { cpuSeconds, resident } from '../process.ts';
import { fillStore } from './fill.ts';

export interface StoreSide {
  readonly name: string;
  readonly smtp: number;
  readonly imap: number;
  /** With TLS. */
  readonly imaps: number;
  /** Of its database; undefined: SQLite. */
  readonly uri: string | undefined;
  /** Seconds of processor time so far, of all processes of ours. */
  cpu(): number;
  /** Of the database's server; null where the store is in our process, or the server is not ours. */
  databaseCpu(): number | null;
  /** Seconds of processor time that these take in a second in which nothing is asked of them. */
  readonly rest: number;
  /** Octets resident, of all processes of ours. */
  memory(): number;
  stop(): Promise<void>;
}

/** Whether `posthorn start` knows several processes for one configuration. */
export async function knowsProcesses(): Promise<boolean> {
  return (await finish(['start', '--help'])).out.includes('--processes');
}

export interface StoreOptions {
  readonly name: string;
  /** Null: SQLite. */
  readonly mongo: MongoServer | null;
  readonly processes?: number;
  /** In the large mailbox. */
  readonly messages: number;
}

/** Seconds until a start has done what it does later, and of the look. */
const CALM = 8;
const LOOK = 10;

async function restOf(cpu: () => number): Promise<number> {
  await delay(CALM * 1000);
  const before = cpu();
  await delay(LOOK * 1000);
  return (cpu() - before) / LOOK;
}

let databases = 0;

/** A server whose store has the accounts and the large mailbox. */
export async function startSide({ name, mongo, processes = 1, messages }: StoreOptions): Promise<StoreSide> {
  // Otherwise the compiler of types stays in the memory of the first start.
  spawnSync(process.execPath, [fileURLToPath(new URL('../../../bin/warm.js', import.meta.url))], { stdio: 'ignore' });
  databases += 1;
  const uri = mongo?.uriFor(`posthorn_bench_${process.pid}_${databases}`);
  const mailStore = uri === undefined ? '' : `mail_store = ${uri}\n`;
  const files = { ...benchOptions.files, 'main.cf': `${benchOptions.files['main.cf']}${mailStore}` };
  const folders = makeFolders(files);
  mkdirSync(folders.data);
  const store = await (uri === undefined
    ? openSqliteStore({ directory: folders.data, log: quietLog })
    : openMongoStore({ uri, log: quietLog }));
  await fillStore(store, messages);
  await store.close();
  const server = await startServer({
    files,
    folders,
    portOffset: await freeOffset(),
    // With MongoDB a server has as many processes as there are processors, if it is not told how many.
    ...(uri !== undefined && (await knowsProcesses()) ? { startOptions: ['--processes', String(processes)] } : {}),
  });
  const all = (figure: (pid: number) => number): number =>
    treeOf([server.pid]).reduce((sum, pid) => sum + figure(pid), 0);
  const cpu = (): number => all(cpuSeconds);
  return {
    name,
    smtp: server.port(25),
    imap: server.port(143),
    imaps: server.port(993),
    uri,
    cpu,
    rest: await restOf(cpu),
    databaseCpu: () => (mongo?.process?.pid === undefined ? null : cpuSeconds(mongo.process.pid)),
    memory: () => all(resident),
    stop: async () => {
      await server.stop({ keep: true });
      removeFolder(folders.root);
    },
  };
}
