/**
 * The search file: what SEARCH needs of each message, derived from the store, deleted and made again if it is lost,
 * damaged or of another version. It is never synced.
 *
 * `mark` is the content id up to which everything is prepared, so that the remaining work is found without a full
 * scan: nothing else of it is kept in memory.
 */
import { rmSync, statSync } from 'node:fs';
import { Database } from '../../database.ts';
import type { Reading } from '../../reading/connection.ts';
import { TRIGRAMS } from './trigrams.ts';

/**
 * Raise it when the tables or the texts change (protocol/mime/text.ts): a file of another version is deleted and
 * rebuilt.
 */
const VERSION = 4;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS body (content INTEGER PRIMARY KEY, text TEXT NOT NULL, headers TEXT NOT NULL) STRICT;
-- Short texts, in a table of their own: a search of headers does not read through the bodies. "fields" is content.search.
CREATE TABLE IF NOT EXISTS header (content INTEGER PRIMARY KEY, head TEXT, fields TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS mark (content INTEGER NOT NULL) STRICT;
INSERT INTO mark SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM mark);
${TRIGRAMS}
PRAGMA user_version = ${VERSION};
PRAGMA wal_autocheckpoint = 1000;
PRAGMA journal_size_limit = 16777216;
`;

export interface SearchReading extends Reading {
  readonly search: SearchFile;
}

export class SearchFile {
  readonly #path: string;
  readonly #store: Database;
  #open: Database | undefined;
  /** Up to which content it was looked through for texts whose content is gone. */
  pruned = 0;

  /** `store` is the database from which the texts are derived. */
  constructor(path: string, store: Database) {
    this.#path = path;
    this.#store = store;
  }

  /** Opened with its first use. */
  get db(): Database {
    this.#open ??= openSearch(this.#path, this.#store);
    return this.#open;
  }

  /** All that SQLite has on the disk for it. */
  get octets(): number {
    return files(this.#path).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
  }

  /** The next use makes a new one. */
  discard(): void {
    this.close();
    this.pruned = 0;
    remove(this.#path);
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }
}

function openSearch(path: string, store: Database): Database {
  try {
    const db = open(path);
    if (!isAhead(db, store)) return db;
    db.close();
  } catch {
    // Damaged, or of another version: everything in it can be rebuilt.
  }
  remove(path);
  return open(path);
}

/** After a restore from a backup the store would assign ids again for which this file has another message's text. */
function isAhead(db: Database, store: Database): boolean {
  const given = store.get<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'content'")?.seq ?? 0;
  const known =
    db.get<{ last: number }>('SELECT max(content, coalesce((SELECT max(content) FROM body), 0)) AS last FROM mark')
      ?.last ?? 0;
  return known > given;
}

/** Throws if the file is of another version. */
function open(path: string): Database {
  const db = new Database(path, { synchronous: 'OFF', cacheKib: 4 * 1024, busyMs: 5000 });
  try {
    const { user_version: version } = db.get<{ user_version: number }>('PRAGMA user_version') ?? { user_version: 0 };
    const isNew = db.get('SELECT 1 FROM sqlite_schema LIMIT 1') === undefined;
    if (!isNew && version !== VERSION) throw new Error(`version ${version} instead of ${VERSION}`);
    db.exec(SCHEMA);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

const files = (path: string): readonly string[] => ['', '-wal', '-shm'].map((suffix) => path + suffix);

function remove(path: string): void {
  for (const file of files(path)) rmSync(file, { force: true });
}
