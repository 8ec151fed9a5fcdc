/** `posthorn log`: prints the log as maillog text, or as the stored JSON lines. */
import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { logFileOf } from '../app/data-folder.ts';
import { formatLine } from '../log.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { sinceWhen } from './since.ts';

const FOLLOW_EVERY_MS = 250;

interface Entry {
  readonly time: string;
  readonly level: string;
  readonly host?: string;
  readonly process?: string;
  readonly pid?: number;
  readonly plugin?: string;
  readonly msg: string;
}

/** A log line as text; anything that is not a log entry is returned unchanged. */
function asText(line: string): string {
  try {
    const { time, level, host = '', process = 'posthorn', pid = 0, msg, plugin, ...fields } = JSON.parse(line) as Entry;
    if (typeof msg !== 'string') return line;
    return formatLine({ time: Date.parse(time), level, host, process, pid, message: msg, plugin, fields });
  } catch {
    return line;
  }
}

const LF = 0x0a;

/** Shows the complete lines of [start, end of file); returns the offset after the last of them. */
async function print(file: FileHandle, start: number, show: (line: string) => void): Promise<number> {
  const { size } = await file.stat();
  // A smaller file was emptied.
  if (size <= start) return size < start ? 0 : start;
  let position = start;
  let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  const stream = file.createReadStream({ start, end: size - 1, autoClose: false });
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const text = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = text.indexOf(LF); end >= 0; end = text.indexOf(LF, from)) {
      show(text.toString('utf8', from, end));
      from = end + 1;
    }
    position += from;
    rest = text.subarray(from);
  }
  return position;
}

interface LogOptions extends PlaceOptions {
  readonly follow: boolean;
  readonly lines: number;
  readonly id?: string;
  readonly address?: string;
  /** Milliseconds since 1970 UTC. */
  readonly since?: number;
}

/** Whether a line is to be shown. */
function chooser({ id, address, since }: LogOptions): (line: string) => boolean {
  if (id === undefined && address === undefined && since === undefined) return () => true;
  const wanted = address?.toLowerCase();
  return (line) => {
    // Nothing is parsed that cannot be meant.
    if (id !== undefined && !line.includes(id)) return false;
    let entry: Partial<Entry> & { readonly queueId?: string; readonly session?: string };
    try {
      entry = JSON.parse(line) as typeof entry;
    } catch {
      return false;
    }
    const { time = '', msg = '', queueId, session } = entry;
    if (since !== undefined && !(Date.parse(time) >= since)) return false;
    if (id !== undefined && queueId !== id && session !== id && !msg.startsWith(`${id}:`)) return false;
    return wanted === undefined || addressesIn(msg).includes(wanted);
  };
}

/** In angle brackets, or a login's. */
const addressesIn = (message: string): readonly string[] =>
  Array.from(message.matchAll(/<([^<>\s]+)>|sasl_username=([^\s,]+)/g), (found) =>
    (found[1] ?? found[2] ?? '').toLowerCase(),
  );

function lineCount(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('expected a number of lines.');
  return Number(value);
}

export function addLogCommand(program: Command): void {
  withPlace(program.command('log').description('print the log in the format of /var/log/maillog'))
    .option('-f, --follow', 'follow the log as it grows', false)
    .option('-n, --lines <count>', 'number of lines from the end', lineCount, 100)
    .option('--id <queue-id>', 'only lines of this message, or of this session')
    .option('--address <address>', 'only lines with this sender, recipient or login')
    .option('--since <time>', 'only lines from this time on: 2h, 3d, 2026-11-27T08:00', sinceWhen)
    .action(async (options: LogOptions) => {
      const where = place(options);
      const path = logFileOf(where.data);
      if (statSync(path, { throwIfNoEntry: false }) === undefined)
        throw new Error(`${path}: there is no log yet; a server with this --data folder creates it`);
      const last: string[] = [];
      const isChosen = chooser(options);
      let file = await open(path);
      let position = await print(file, 0, (line) => {
        if (!isChosen(line)) return;
        last.push(line);
        if (last.length > options.lines) last.shift();
      });
      const show = (line: string): void => {
        if (isChosen(line)) console.log(where.json ? line : asText(line));
      };
      last.forEach(show);
      while (options.follow) {
        await delay(FOLLOW_EVERY_MS);
        // Moved away (logrotate): the server writes to the old file until it makes a new one, and no more after that.
        const isMoved = (await file.stat()).ino !== (statSync(path, { throwIfNoEntry: false })?.ino ?? 0);
        const next = isMoved ? await open(path).catch(() => undefined) : undefined;
        position = await print(file, position, show);
        if (next === undefined) continue;
        await file.close();
        file = next;
        position = await print(file, 0, show);
      }
      await file.close();
    });
}
