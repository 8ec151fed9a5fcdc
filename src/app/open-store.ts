/**
 * Opens a store by its name: `sqlite:DIRECTORY`, or the URI of a MongoDB database. Each scheme is a row; nothing else
 * knows the backends.
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Log } from '../log.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import { openSqliteSource } from '../store/backend/sqlite/open-source.ts';
import type { OpenSource } from '../store/source.ts';
import type { Store } from '../store/store.ts';
import { ownVersion } from '../version.ts';

export interface StoreOptions {
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock?: () => number;
  /** The store is unusable from now on; nothing that was confirmed is lost. */
  readonly onFatal?: (error: Error) => void;
  /** Hears what takes long. */
  readonly progress?: (text: string) => void;
  /** To be mended: what looks unused must stay. */
  readonly repair?: boolean;
  /** How long a database is waited for that cannot be reached, ms; by default not at all. */
  readonly patience?: number;
}

interface Backend {
  /** The name in its one form, and without a password. */
  name(spec: string): string;
  /** Makes what the operating system must have before a store can be created; `give` makes a folder of the owner's. */
  prepare(spec: string, give: (directory: string) => void): void;
  /** Created if missing. */
  open(spec: string, options: StoreOptions): Promise<Store>;
  /** Octets on this machine's disk; null if it is elsewhere. */
  size(spec: string): number | null;
  /** Only to be read, also while a server has it open. */
  openSource(spec: string, options: Pick<StoreOptions, 'log'>): Promise<OpenSource>;
}

const directoryOf = (spec: string): string => {
  const path = spec.slice('sqlite:'.length);
  if (path === '') throw new Error(`"${spec}" names no directory: write sqlite:DIRECTORY`);
  return resolve(path);
};

const sqlite: Backend = {
  name: (spec) => `sqlite:${directoryOf(spec)}`,
  // An existing folder keeps its owner: the name may be mistyped.
  prepare: (spec, give) => {
    if (!existsSync(directoryOf(spec))) give(directoryOf(spec));
  },
  open: (spec, { repair = false, progress: _progress, patience: _patience, ...options }) =>
    openSqliteStore({ directory: directoryOf(spec), ...options, sweeps: !repair }),
  size: (spec) =>
    ['store.sqlite', 'store.sqlite-wal', 'search.sqlite', 'search.sqlite-wal']
      .map((name) => statSync(join(directoryOf(spec), name), { throwIfNoEntry: false })?.size ?? 0)
      .reduce((sum, size) => sum + size, 0),
  openSource: (spec, { log }) => openSqliteSource(directoryOf(spec), log),
};

const openMongo: Backend['open'] = async (uri, { log, clock, progress, patience }) => {
  // Whoever does not use it does not load it.
  const { openMongoStore } = await import('../store/backend/mongodb/open.ts');
  return openMongoStore({
    uri,
    log,
    version: ownVersion(),
    ...(clock === undefined ? {} : { clock }),
    ...(progress === undefined ? {} : { progress }),
    ...(patience === undefined ? {} : { patience }),
  });
};

const mongodb: Backend = {
  name: (uri) => uri.replace(/^([a-z+]+:\/\/)[^/?]*@/, '$1'),
  prepare: () => {},
  open: openMongo,
  size: () => null,
  openSource: async (uri, options) => {
    const store = await openMongo(uri, options);
    const processes = (await store.cluster?.processes()) ?? [];
    // A server can begin at any time: the operator is told to keep them stopped for the last pass.
    const isServed = processes.some(({ dead, self }) => !dead && !self);
    const searchText: OpenSource['searchText'] = (content) => store.mailboxes.searchText(content);
    return { source: store, isServed, searchText, close: () => store.close() };
  },
};

const BACKENDS: ReadonlyMap<string, Backend> = new Map([
  ['sqlite', sqlite],
  ['mongodb', mongodb],
  ['mongodb+srv', mongodb],
]);

function backendOf(spec: string): Backend {
  const scheme = /^([a-z][a-z+]*):/.exec(spec)?.[1];
  const backend = BACKENDS.get(scheme ?? '');
  if (backend !== undefined) return backend;
  const known = [...BACKENDS.keys()].map((name) => `${name}:`).join(', ');
  // The rest of a URI may have a password in it.
  throw new Error(
    scheme === undefined
      ? `"${spec}" does not say what kind of store it is: write sqlite:DIRECTORY, or the URI of a MongoDB database`
      : `"${scheme}:" is no kind of store that this version can open (it knows ${known})`,
  );
}

/** The name of the store that `mail_store` of main.cf means. */
export const mailStoreOf = (mailStore: string, dataDirectory: string): string =>
  mailStore === 'sqlite' ? `sqlite:${dataDirectory}` : mailStore;

export const sizeOfStore = (spec: string): number | null => backendOf(spec).size(spec);

export const nameOfStore = (spec: string): string => backendOf(spec).name(spec);

export const prepareStore = (spec: string, give: (directory: string) => void): void =>
  backendOf(spec).prepare(spec, give);

/** Rejects with a message for the operator, also if the store is in use: what, where, what to do. */
export const openStore = (spec: string, options: StoreOptions): Promise<Store> => backendOf(spec).open(spec, options);

export const openSource = (spec: string, options: Pick<StoreOptions, 'log'>): Promise<OpenSource> =>
  backendOf(spec).openSource(spec, options);
