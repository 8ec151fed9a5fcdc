/**
 * One process writes a store. The lock is SQLite's own (fcntl) on a small file: it goes away with the process however
 * that ends, so nothing stale is ever left. The holder's process id stands in a text file beside it, for people.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Returns what lets it go. Throws where another process (or another store of this one) has the directory. */
export function lockDirectory(directory: string): () => void {
  const holder = join(directory, 'store.pid');
  const db = new DatabaseSync(join(directory, 'store.lock'), { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === 5)) throw error;
    throw new Error(
      `${directory}: the store is in use by process ${readHolder(holder)}; "posthorn stop" ends a running server`,
    );
  }
  try {
    writeFileSync(holder, `${process.pid}\n`);
  } catch {
    // Only a courtesy to people; a full disk is no reason not to start.
  }
  return () => db.close();
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
