/**
 * `postfix logrotate`: moves the log away under the time of day, lets the server write a new one, and compresses the old
 * one, as Postfix does with maillog_file.
 */
import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { callServer, NoServerError } from '../../admin/socket.ts';
import { logFileOf } from '../../app/data-folder.ts';
import { Fatal } from './command.ts';

/** Resolves with the name of the old log. Rejects if the server refuses to reload; the log is then where it was. */
export async function rotateLog(dataDirectory: string): Promise<string> {
  const file = logFileOf(dataDirectory);
  if (!existsSync(file)) throw new Fatal(`${file}: there is no log yet`);
  const [, day, time] = /^(.*)T(.*)\..*$/.exec(new Date().toISOString().replaceAll(/[-:]/g, '')) ?? [];
  const old = `${file}.${day}-${time}`;
  if (existsSync(old)) throw new Fatal(`${old}: rotated in this second already`);
  renameSync(file, old);
  try {
    await callServer(dataDirectory, 'server.reload', {});
  } catch (error) {
    if (!(error instanceof NoServerError)) {
      if (!existsSync(file)) renameSync(old, file);
      throw error;
    }
  }
  await pipeline(createReadStream(old), createGzip(), createWriteStream(`${old}.gz`, { mode: 0o600, flags: 'wx' }));
  rmSync(old);
  return `${old}.gz`;
}
