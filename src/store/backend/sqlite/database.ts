/**
 * One connection to an SQLite file: pragmas, a cache of prepared statements, and rows typed at the call
 * that contains their SQL. Used inside the worker threads only; everything here is synchronous.
 *
 * The pages are 8 KiB: a message's prepared columns stay in one leaf, and a commit of a few small
 * changes does not write too much (compared with 4 and 16 KiB in test/bench/store.bench.ts).
 */
import { closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';

export const PAGE_SIZE = 8192;

export interface DatabaseOptions {
  readonly readOnly?: boolean;
  readonly synchronous: 'FULL' | 'OFF';
  /** KiB of page cache. */
  readonly cacheKib: number;
  /** Milliseconds to wait for another connection's lock. */
  readonly busyMs: number;
}

export type Value = SQLInputValue;

/** The open connections of this thread. */
const connections = new Set<Database>();

/**
 * Empties the page caches of this thread's connections, for a moment without work: the next reads find their pages in
 * the system's cache. A page that stays keeps the C library from returning what is free around it: 190 pages (1.6 MB)
 * kept 30 MB after a load.
 */
export function emptyPageCaches(): void {
  for (const connection of connections) connection.exec('PRAGMA shrink_memory');
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tuples = new Map<string, StatementSync>();

  constructor(path: string, options: DatabaseOptions) {
    // Only the owner may read mail, whatever the umask; SQLite gives the WAL the mode of the database file.
    if (options.readOnly !== true && !existsSync(path)) closeSync(openSync(path, 'a', 0o600));
    this.#db = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: options.busyMs });
    this.#db.exec(`PRAGMA cache_size = -${options.cacheKib}; PRAGMA temp_store = MEMORY;`);
    if (options.readOnly !== true)
      this.#db.exec(
        `PRAGMA page_size = ${PAGE_SIZE}; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous}; PRAGMA wal_autocheckpoint = 0;`,
      );
    connections.add(this);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** False also after SQLite itself ended the transaction, as it does on some errors (disk full, I/O). */
  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  /** Returns the number of rows changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Returns the id of the new row. */
  insert(sql: string, ...values: readonly Value[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** The type argument must match what the SQL selects. */
  get<Row>(sql: string, ...values: readonly Value[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  all<Row>(sql: string, ...values: readonly Value[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Rows as arrays: cheaper when there are thousands. */
  tuples<Tuple extends readonly unknown[]>(sql: string, ...values: readonly Value[]): Tuple[] {
    return this.#arrays(sql).all(...values) as unknown as Tuple[];
  }

  /** The first row as an array. */
  tuple<Tuple extends readonly unknown[]>(sql: string, ...values: readonly Value[]): Tuple | undefined {
    return this.#arrays(sql).get(...values) as unknown as Tuple | undefined;
  }

  /** Like `tuples`, one row at a time for as long as `visit` returns true: rows may be large. */
  each<Tuple extends readonly unknown[]>(
    visit: (tuple: Tuple) => boolean,
    sql: string,
    ...values: readonly Value[]
  ): void {
    for (const tuple of this.#arrays(sql).iterate(...values)) {
      if (!visit(tuple as unknown as Tuple)) return;
    }
  }

  close(): void {
    connections.delete(this);
    this.#statements.clear();
    this.#tuples.clear();
    this.#db.close();
  }

  #arrays(sql: string): StatementSync {
    let statement = this.#tuples.get(sql);
    if (statement === undefined) {
      statement = this.#prepare(sql);
      statement.setReturnArrays(true);
      this.#tuples.set(sql, statement);
    }
    return statement;
  }

  /**
   * SQLite compiles a statement again for each new value of a bare `LIMIT ?`, which takes twice as long as a short
   * read.
   */
  #prepare(sql: string): StatementSync {
    if (/\b(?:LIMIT|OFFSET) \?(?! \+ 0)/.test(sql)) throw new Error(`write LIMIT ? + 0 instead of LIMIT ? in: ${sql}`);
    return this.#db.prepare(sql);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
