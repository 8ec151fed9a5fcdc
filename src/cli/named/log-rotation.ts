/**
 * `postfix logrotate`: moves the log, and maillog_file, away under the time of day, lets the server write new ones, and
 * compresses the old ones.
 *
 * A new maillog_file is made here, with the owner of the old one, because the server may make none in /var/log. Until
 * the server has opened it, lines go to the old file: none is lost.
 */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  existsSync,
  fchownSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { callServer, NoServerError } from '../../admin/socket.ts';
import { twoDigits } from '../../clock.ts';
import type { PlaceOptions } from '../place.ts';
import { Fatal } from './command.ts';
import { logFilesOf } from './log-files.ts';

/** After a reload: how long lines on their way to the old file may take, ms. */
const LAST_LINES_MS = 1_000;

/** Resolves with the names of the old logs. Rejects if the server refuses to reload; the logs are then where they were. */
export async function rotateLogs(where: PlaceOptions): Promise<readonly string[]> {
  const { own, mailLog, suffix } = logFilesOf(where);
  const files = mailLog === null ? [own] : [own, mailLog];
  const ending = dated(suffix, new Date());
  const moves = files.map((file) => ({ file, old: `${file}.${ending}` }));
  for (const { file, old } of moves) {
    if (!existsSync(file)) throw new Fatal(`${file}: there is no log yet`);
    if ([old, `${old}.gz`].some((path) => existsSync(path))) throw new Fatal(`${old}: rotated under this name already`);
  }
  for (const { file, old } of moves) {
    renameSync(file, old);
    makeLike(old, file);
  }
  try {
    await callServer(where.data, 'server.reload', {});
    await delay(LAST_LINES_MS);
  } catch (error) {
    if (!(error instanceof NoServerError)) {
      for (const { file, old } of moves) renameSync(old, file);
      throw error;
    }
  }
  for (const { old } of moves) await compress(old);
  return moves.map(({ old }) => `${old}.gz`);
}

/** An empty file with the owner and the rights of another one. */
function makeLike(model: string, path: string): void {
  const { uid, gid, mode } = statSync(model);
  const file = openSync(path, 'wx', mode & 0o777);
  if (process.geteuid?.() === 0) fchownSync(file, uid, gid);
  closeSync(file);
}

async function compress(old: string): Promise<void> {
  await pipeline(createReadStream(old), createGzip(), createWriteStream(`${old}.gz`, { mode: 0o600, flags: 'wx' }));
  rmSync(old);
}

/** Of date(1), what a name needs. */
const CONVERSIONS: Readonly<Record<string, (at: Date) => string>> = {
  Y: (at) => String(at.getFullYear()),
  m: (at) => twoDigits(at.getMonth() + 1),
  d: (at) => twoDigits(at.getDate()),
  H: (at) => twoDigits(at.getHours()),
  M: (at) => twoDigits(at.getMinutes()),
  S: (at) => twoDigits(at.getSeconds()),
  s: (at) => String(Math.floor(at.getTime() / 1000)),
  '%': () => '%',
};

function dated(suffix: string, at: Date): string {
  return suffix.replaceAll(/%(.?)/g, (words, letter: string) => {
    const convert = CONVERSIONS[letter];
    if (convert === undefined)
      throw new Fatal(`maillog_file_rotate_suffix: "${words}" is not known here; use %Y %m %d %H %M %S %s`);
    return convert(at);
  });
}
