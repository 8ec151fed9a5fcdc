/**
 * Only one process may write a store. The lock is SQLite's own (fcntl) on a small file: it is released when the process
 * ends for whatever reason, so no stale lock remains. A text file beside it names the holder's process id, for people.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The message says who uses it. */
export class InUseError extends Error {
  override readonly name = 'InUseError';
}

/** Returns the unlock function. Throws InUseError if another process, or another store of this one, has it locked. */
export function lockDirectory(directory: string): () => void {
  const holder = join(directory, 'store.pid');
  const db = new DatabaseSync(join(directory, 'store.lock'), { timeout: 0 });
  try {
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!(error instanceof Error && 'errcode' in error && error.errcode === 5)) throw error;
    throw new InUseError(
      `${directory}: the store is in use by process ${readHolder(holder)}; "posthorn stop" ends a running server`,
    );
  }
  try {
    writeFileSync(holder, `${process.pid}\n`);
  } catch {
    // Only informational; a full disk must not prevent a start.
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
