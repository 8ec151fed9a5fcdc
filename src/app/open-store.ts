/**
 * Opens a store by its name, as `mail_store` of main.cf has it: `sqlite:DIRECTORY`, or a MongoDB URI. Each scheme is a
 * row; nothing else knows the backends.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Log } from '../log.ts';
import { openSqliteStore } from '../store/backend/sqlite/open.ts';
import { openSqliteSource } from '../store/backend/sqlite/open-source.ts';
import type { OpenSource } from '../store/source.ts';
import type { Store } from '../store/store.ts';

interface StoreOptions {
  readonly log: Log;
  /** To be mended: what looks unused must stay. */
  readonly repair?: boolean;
}

interface Backend {
  /** The name in its one form, and without a password. */
  name(spec: string): string;
  /** Makes what the operating system must have before a store can be created; `give` makes a folder of the owner's. */
  prepare(spec: string, give: (directory: string) => void): void;
  /** Created if missing. */
  open(spec: string, options: StoreOptions): Promise<Store>;
  /** Only to be read, also while a server has it open. */
  openSource(spec: string, options: StoreOptions): Promise<OpenSource>;
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
  open: (spec, { log, repair = false }) => openSqliteStore({ directory: directoryOf(spec), log, sweeps: !repair }),
  openSource: (spec, { log }) => openSqliteSource(directoryOf(spec), log),
};

const BACKENDS: ReadonlyMap<string, Backend> = new Map([['sqlite', sqlite]]);

function backendOf(spec: string): Backend {
  const scheme = /^([a-z][a-z+]*):/.exec(spec)?.[1] ?? '';
  const backend = BACKENDS.get(scheme);
  if (backend === undefined)
    throw new Error(
      `"${spec}" is not a store that this version can open: write ${[...BACKENDS.keys()].map((name) => `${name}:…`).join(' or ')}, such as sqlite:/var/lib/posthorn`,
    );
  return backend;
}

/** The store of a server's data folder. */
export const configuredStore = (dataDirectory: string): string => `sqlite:${dataDirectory}`;

export const nameOfStore = (spec: string): string => backendOf(spec).name(spec);

export const prepareStore = (spec: string, give: (directory: string) => void): void =>
  backendOf(spec).prepare(spec, give);

/** Rejects with a user-readable message, also if the store is in use. */
export const openStore = (spec: string, options: StoreOptions): Promise<Store> => backendOf(spec).open(spec, options);

export const openSource = (spec: string, options: StoreOptions): Promise<OpenSource> =>
  backendOf(spec).openSource(spec, options);
