/**
 * A file that is read into memory and reloaded when it changes.
 *
 * On use, at most once a second, its time, size and inode are compared. A new version is read and
 * parsed completely before it replaces the old one; a broken one is logged with file and line, and the
 * old one stays in use, which `stale` then says. Errors in the first read are thrown.
 */
import { readFileSync, statSync } from 'node:fs';
import type { Log } from '../log.ts';
import { readFault } from './read-fault.ts';
import { runSteps, type Steps, walkSteps } from './steps.ts';
import { TableFault } from './table-fault.ts';

/** Maximum size of a table file, octets. */
const MAX_TABLE_SIZE = 32 * 1024 * 1024;
const CHECK_INTERVAL = 1000;
/**
 * Changed texts up to this length, in characters, are reloaded at once; longer ones in the background, with the old
 * version in use meanwhile.
 */
const AT_ONCE = 256 * 1024;

export interface WatchOptions<T> {
  readonly path: string;
  /** Throws TableFault. */
  readonly parse: (text: string, file: string) => Steps<T>;
  readonly log: Pick<Log, 'info' | 'warn'>;
  /** Milliseconds. */
  readonly clock: () => number;
}

export interface WatchedFile<T> {
  current(): T;
  /** Why the file's present version is not in use, with its place; null if it is. */
  stale(): string | null;
}

/** Throws TableFault if the first read or parse fails. */
export function watchFile<T>(options: WatchOptions<T>): WatchedFile<T> {
  const { path, parse, log, clock } = options;
  let mark = fingerprint(path);
  let content = runSteps(parse(readTable(path), path));
  let checked = clock();
  let reading = false;
  let stale: string | null = null;

  const take = (next: T): void => {
    content = next;
    stale = null;
    log.info({ file: path }, `${path}: reloaded`);
  };
  const refuse = (error: unknown): void => {
    const fault = error instanceof TableFault ? error : new TableFault(path, 0, String(error));
    stale = `${fault.place}: ${fault.message}; keeping the previous version`;
    log.warn({ file: fault.file, line: fault.line }, stale);
  };
  const readAgain = (): void => {
    try {
      const text = readTable(path);
      const steps = parse(text, path);
      if (text.length <= AT_ONCE) take(runSteps(steps));
      else void readBeside(steps);
    } catch (error) {
      refuse(error);
    }
  };
  const readBeside = async (steps: Steps<T>): Promise<void> => {
    reading = true;
    try {
      take(await walkSteps(steps));
    } catch (error) {
      refuse(error);
    } finally {
      reading = false;
    }
  };

  const current = (): T => {
    const now = clock();
    if (reading || (now - checked < CHECK_INTERVAL && now >= checked)) return content;
    checked = now;
    const next = fingerprint(path);
    if (next === mark) return content;
    mark = next;
    readAgain();
    return content;
  };
  const whyStale = (): string | null => {
    current();
    return stale;
  };
  return { current, stale: whyStale };
}

function fingerprint(path: string): string {
  try {
    const stat = statSync(path);
    return stat.isFile() || stat.isFIFO() ? `${stat.mtimeMs} ${stat.ctimeMs} ${stat.size} ${stat.ino}` : 'not a file';
  } catch {
    return 'absent';
  }
}

/** The text of a table file. Throws TableFault with a user-readable message. */
export function readTable(path: string): string {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new TableFault(path, 0, 'is not a file');
    if (stat.size > MAX_TABLE_SIZE) throw new TableFault(path, 0, `larger than ${MAX_TABLE_SIZE / 1024 / 1024} MiB`);
    const text = readFileSync(path, 'utf8');
    if (text.startsWith('\u{feff}'))
      throw new TableFault(
        path,
        1,
        'the file starts with a byte order mark (EF BB BF): save the file as UTF-8 without it',
      );
    // Read as UTF-8, none of its keys would ever match.
    if (/^(?:\ufffd\ufffd)?.?\0/s.test(text))
      throw new TableFault(path, 1, 'the file is UTF-16 or a database: name the text, saved as UTF-8');
    return text;
  } catch (error) {
    if (error instanceof TableFault) throw error;
    throw new TableFault(path, 0, readFault(error), { cause: error });
  }
}
