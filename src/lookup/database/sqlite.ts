/** sqlite tables (sqlite_table(5)). The file is opened at the first lookup, only to be read. */
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import { TableUnavailableError } from '../table-fault.ts';
import type { TableType } from '../table-type.ts';
import { ClientFile, text } from './client-file.ts';
import { Outage } from './outage.ts';
import { COMMON, clientPath, queryTable } from './query-table.ts';
import { Results } from './results.ts';
import { QUERY, queryOf } from './sql.ts';

const SETTINGS = { ...COMMON, ...QUERY, dbpath: text() } as const;

/** A writer may hold the file for a moment. */
const TRIES = 20;
const PAUSE = 50;

export const sqliteTable: TableType = {
  doc: 'an SQL query of an SQLite file: sqlite:/file.cf',
  open(name, argument, context) {
    const file = new ClientFile(clientPath(name, argument, context), SETTINGS, context.log);
    if (!file.has('dbpath')) throw file.fault('dbpath', 'is missing: which SQLite file?');
    const query = queryOf(file);
    const outage = new Outage(name, context.log);
    const database = new File(context.resolvePath(file.text('dbpath')));
    return queryTable({
      name,
      file,
      context,
      fits: (key) => query.fits(key),
      async ask(key) {
        const statement = query.expand(key, key, quote);
        if (statement === undefined) return [];
        try {
          const results = await patiently(() => database.ask(statement));
          outage.ends('the file');
          return results;
        } catch (error) {
          outage.begins(`${database.path}: ${messageOf(error)}`);
          throw new TableUnavailableError(`${name}: ${messageOf(error)}`, { cause: error, isLogged: true });
        }
      },
      close: () => database.close(),
    });
  },
};

/** Inside single quotes. */
const quote = (value: string): string => value.replaceAll("'", "''");

async function patiently(ask: () => readonly string[]): Promise<readonly string[]> {
  for (let i = 1; ; i += 1) {
    try {
      return ask();
    } catch (error) {
      const isBusy = ((error as { readonly errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY;
      if (!isBusy || i >= TRIES) throw error;
    }
    await setTimeout(PAUSE);
  }
}

const SQLITE_BUSY = 5;

/** Opened anew where another file has taken its place. */
class File {
  readonly path: string;
  #open: { readonly database: DatabaseSync; readonly inode: number } | null = null;

  constructor(path: string) {
    this.path = path;
  }

  /** The first column of each row, as Postfix takes it. */
  ask(query: string): readonly string[] {
    const results = new Results();
    const statement = this.#database().prepare(query);
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    for (const row of statement.iterate() as unknown as Iterable<readonly unknown[]>) results.add(textOf(row[0]));
    return results.all();
  }

  close(): void {
    this.#open?.database.close();
    this.#open = null;
  }

  #database(): DatabaseSync {
    const inode = statSync(this.path).ino;
    if (this.#open?.inode !== inode) {
      this.close();
      this.#open = { database: new DatabaseSync(this.path, { readOnly: true }), inode };
    }
    return this.#open.database;
  }
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
}
