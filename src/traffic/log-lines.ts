/**
 * The lines of a log in JSON from a time on: of the file that is written now and of those that were moved away
 * (`mail.jsonl.1`, `.gz` too). A long file is not read from its beginning: its lines rise in time, so the first one that
 * is wanted is found by halving.
 */
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';

/** Smaller pieces of a file are read whole. */
const PIECE = 1024 * 1024;
/** Several processes write to the file, each its lines a moment after their time, ms. */
const DISORDER = 5_000;
const TIME = /"time":"([^"]{20,30})"/;

/** The file and those that were moved away and may have lines since `since` (ms), oldest first. */
export function filesSince(path: string, since: number): string[] {
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((name) => name === basename(path) || name.startsWith(`${basename(path)}.`))
    .map((name) => join(folder, name))
    .map((file) => ({ file, changedAt: statSync(file).mtimeMs }))
    .filter(({ changedAt }) => changedAt >= since)
    .sort((a, b) => a.changedAt - b.changedAt)
    .map(({ file }) => file);
}

/** May begin with lines before `since`. */
export async function* linesSince(path: string, since: number): AsyncGenerator<string> {
  const isPacked = path.endsWith('.gz');
  const start = isPacked || !statSync(path).isFile() ? 0 : await offsetOf(path, since - DISORDER);
  const octets = createReadStream(path, { start });
  const input = isPacked ? octets.pipe(createGunzip()) : octets;
  // An error of the file does not reach whoever reads what it is piped to.
  octets.on('error', (error) => input.destroy(error));
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
}

async function offsetOf(path: string, time: number): Promise<number> {
  const file = await open(path);
  try {
    let [low, high] = [0, (await file.stat()).size];
    while (high - low > PIECE) {
      const middle = Math.floor((low + high) / 2);
      const found = await timeAfter(file, middle);
      // Where no line has a time, only reading can tell.
      if (found === null) return low;
      if (found < time) low = middle;
      else high = middle;
    }
    return low;
  } finally {
    await file.close();
  }
}

/** Of the first whole line after this offset, in ms. */
async function timeAfter(file: FileHandle, offset: number): Promise<number | null> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, offset);
  const text = buffer.toString('latin1', 0, bytesRead);
  const time = TIME.exec(text.slice(text.indexOf('\n') + 1))?.[1];
  return time === undefined ? null : Date.parse(time);
}
