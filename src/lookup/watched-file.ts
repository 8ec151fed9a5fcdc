/**
 * A file that is read into memory and picked up again when it changes.
 *
 * On use, at most once a second, its time, size and inode are compared. A new version is read and
 * parsed whole before it takes the old one's place; a broken one is logged with file and line, and the
 * old one goes on. The first reading throws what is wrong.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Log } from '../log.ts';
import { TableFault } from './table-fault.ts';

/** Largest file of a table, octets. */
export const MAX_TABLE_SIZE = 32 * 1024 * 1024;
const CHECK_INTERVAL = 1000;

export interface WatchOptions<T> {
  readonly path: string;
  /** Throws TableFault. */
  readonly parse: (text: string, file: string) => T;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Milliseconds. */
  readonly clock: () => number;
}

/** Returns the reader of the current version. Throws TableFault where the file cannot be read or parsed at first. */
export function watchFile<T>(options: WatchOptions<T>): () => T {
  const { path, parse, log, clock } = options;
  let mark = fingerprint(path);
  let content = parse(readTable(path), path);
  let checked = clock();
  return () => {
    const now = clock();
    if (now - checked < CHECK_INTERVAL && now >= checked) return content;
    checked = now;
    try {
      const next = fingerprint(path);
      if (next === mark) return content;
      mark = next;
      content = parse(readTable(path), path);
      log.info({ file: path }, `${path}: read again`);
    } catch (error) {
      const fault = error instanceof TableFault ? error : new TableFault(path, 0, String(error));
      log.warn({ file: fault.file, line: fault.line }, `${fault.file}:${fault.line}: ${fault.message}; the version read before stays in use`);
    }
    return content;
  };
}

function fingerprint(path: string): string {
  try {
    const stat = statSync(path);
    return stat.isFile() || stat.isFIFO() ? `${stat.mtimeMs} ${stat.ctimeMs} ${stat.size} ${stat.ino}` : 'not a file';
  } catch {
    return 'absent';
  }
}

/** The text of a table's file. Throws TableFault in words for people. */
export function readTable(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new TableFault(path, 0, 'is not a file');
    if (stat.size > MAX_TABLE_SIZE) throw new TableFault(path, 0, `larger than ${MAX_TABLE_SIZE / 1024 / 1024} MiB`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof TableFault) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'may not be read' : String(error);
    throw new TableFault(path, 0, reason, { cause: error });
  }
}
