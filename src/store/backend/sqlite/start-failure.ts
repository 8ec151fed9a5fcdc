/** Why a store cannot be opened, as a message for the operator: what, where, and what to do. */
import { statfsSync } from 'node:fs';
import { messageOf } from '../../../errors.ts';

const DAMAGED = 'the file is damaged: restore a backup (docs/operations/backup.md has what to do without one)';
const IO_ERROR = 10;
const FULL = 13;
/** SQLite reports an I/O error if there is no space for its shared memory file, of 32 KiB at first. */
const NO_ROOM = 256 * 1024;

/** Primary result codes of SQLite. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [3, 'this user cannot read or write the file: check its owner and mode'],
  [5, 'another program has the file locked: stop it (sqlite3 shells too) and start again'],
  [6, 'another program has the file locked: stop it (sqlite3 shells too) and start again'],
  [8, 'the file or its file system is read-only'],
  [IO_ERROR, 'the disk reported an input/output error: check the system log and the disk'],
  [11, DAMAGED],
  [FULL, 'the disk is full: free some space and start again'],
  [14, 'the file cannot be opened: check that the directory exists and belongs to this user'],
  [26, 'the file is not an SQLite database: restore a backup or move it away'],
]);

export function startFailure(directory: string, error: unknown): string {
  if (!(error instanceof Error)) return `${directory}: ${String(error)}`;
  const inner = error.cause instanceof Error && 'errcode' in error.cause ? error.cause : error;
  const code = 'errcode' in inner && typeof inner.errcode === 'number' ? inner.errcode & 0xff : 0;
  const reason = REASONS.get(code === IO_ERROR && isDiskFull(directory) ? FULL : code);
  if (error.message.startsWith(directory))
    return reason === undefined || inner === error ? error.message : `${error.message}: ${reason}`;
  return reason === undefined
    ? `${directory}: cannot open the store: ${error.message}`
    : `${directory}/store.sqlite: ${reason} (${error.message})`;
}

/** The same for an error in a thread after it opened its file: only the error's message is passed on. */
export function readFailure(directory: string, error: unknown): Error {
  const message = messageOf(error);
  return /malformed|not a database/.test(message)
    ? new Error(`${directory}/store.sqlite: ${DAMAGED} (${message})`, { cause: error })
    : new Error(message, { cause: error });
}

/** Whether a failed start may be due to lack of space. */
export function isDiskFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < NO_ROOM;
  } catch {
    return false;
  }
}
