/**
 * One event per line, in two formats: text as in /var/log/maillog, and JSON.
 *
 * `fields` carries ids (queueId, session, account); never message bodies or passwords. Writing is buffered
 * and asynchronous, so that heavy traffic does not wait for the log's disk; `flush` writes out the rest. Several
 * processes may write to the same file, or the same pipe: each write has whole lines.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { destination, type LevelWithSilent, type Logger, pino, stdSerializers } from 'pino';
import { MONTHS, twoDigits } from './clock.ts';
import { messageOf } from './errors.ts';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to its lines. `process` is the component: postfix/smtpd, imap, named … */
  child(fields: { readonly process?: string } & Record<string, unknown>): Log;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LogOptions {
  /** JSON lines are appended to this file; its folder is created. */
  readonly file?: string;
  /** Text lines are appended to this file, which exists. */
  readonly textFile?: string;
  /** And to this file descriptor (1: standard output). */
  readonly textFd?: number;
  readonly level?: LogLevel;
  /** What stands for `postfix` in the names of Postfix's processes (syslog_name). */
  readonly program?: string;
  /** Host name in every text line, as in syslog. */
  readonly host: string;
}

/** The owner of the log: only it can flush and reopen. */
export interface LogSink extends Log {
  /** Writes out buffered lines; for the end of the process. */
  flush(): Promise<void>;
  /** Reopens the files by name after they were moved away (logrotate). */
  reopen(): void;
  /** Hears of every line from `info` on, but for those of plugins; replaces one that was set before. */
  watch(watcher: LogWatcher): void;
}

export interface LogWatcher {
  /** Asked before a line is made for it: most servers have nobody who watches. */
  isWatching(): boolean;
  onLine(line: LoggedLine): void;
}

interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly process: string;
  readonly message: string;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
}

/** Octets that are gathered before they are written, and of several lines in one write. */
interface Pieces {
  readonly gathered: number;
  readonly written: number;
}
const FILE: Pieces = { gathered: 8 * 1024, written: 16 * 1024 };
/** A pipe takes 4 KiB as one piece, and mixes longer writes with those of other processes (PIPE_BUF of Linux). */
const PIPE: Pieces = { gathered: 4 * 1024 - 1, written: 4 * 1024 };
const FLUSH_EVERY_MS = 200;
const FLUSH_WITHIN_MS = 1_000;

/**
 * Characters from a peer that could affect the reader's terminal or break the line: control characters, and marks that
 * change the text direction.
 */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** As it may be shown on a terminal. */
export const printable = (text: string): string => text.replace(UNPRINTABLE, '?');

export interface TextEntry {
  readonly time: number;
  readonly level: string;
  readonly host: string;
  readonly process: string;
  readonly pid: number;
  readonly message: string;
  /** The plugin that wrote the line: its name and fields are shown too. */
  readonly plugin?: string | undefined;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Limits in characters: a plugin's name, one value, and all fields of a text line. */
const LONGEST_NAME = 60;
const LONGEST_VALUE = 200;
const LONGEST_FIELDS = 1_000;

/**
 * `Nov 20 22:33:01 mail posthorn/smtpd[4711]: warning: message`: the format of maillog. A plugin's line has its name
 * and fields: `posthorn/plugin/greylist[4711]: first seen client=192.0.2.1 wait=300`. Always one line, whatever the
 * message contains.
 */
export function formatLine(entry: TextEntry): string {
  const at = new Date(entry.time);
  const stamp = `${MONTHS[at.getMonth()]} ${String(at.getDate()).padStart(2)} ${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}:${twoDigits(at.getSeconds())}`;
  const severity = entry.level === 'warn' ? 'warning: ' : entry.level === 'error' ? 'error: ' : '';
  const plugin = typeof entry.plugin === 'string' ? entry.plugin : undefined;
  const name =
    plugin === undefined ? entry.process : `posthorn/plugin/${plugin.slice(0, LONGEST_NAME).replace(/[\s[\]]/g, '?')}`;
  const fields = plugin === undefined || entry.fields === undefined ? '' : formatFields(entry.fields);
  const line = `${stamp} ${entry.host} ${name}[${entry.pid}]: ${severity}${entry.message}${fields}`;
  return printable(line);
}

/** ` key=value` for each field; a value that is not a single word is written as JSON. */
function formatFields(fields: Readonly<Record<string, unknown>>): string {
  let text = '';
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    text += ` ${key.slice(0, LONGEST_NAME).replace(/[\s="]/g, '?')}=${formatValue(value)}`;
    if (text.length > LONGEST_FIELDS) return `${text.slice(0, LONGEST_FIELDS)} …`;
  }
  return text;
}

function formatValue(value: unknown): string {
  if (typeof value === 'string')
    return bounded(/^[^\s"=]+$/.test(value) ? value : JSON.stringify(value.slice(0, LONGEST_VALUE)));
  if (typeof value !== 'object' || value === null) return bounded(String(value));
  try {
    const shown: unknown = serializeError(value);
    const { message } = shown as { readonly message?: unknown };
    return bounded(JSON.stringify(typeof message === 'string' ? message.slice(0, LONGEST_VALUE) : shown) ?? '?');
  } catch (error) {
    return bounded(JSON.stringify(messageOf(error)));
  }
}

const bounded = (text: string): string => (text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text);

/** As pino serializes an error; for one that cannot be read (a plugin threw it), whatever can be read safely. */
function serializeError(error: unknown): unknown {
  try {
    return stdSerializers.err(error as Error);
  } catch {
    return { type: 'unknown', message: messageOf(error) };
  }
}

/** The time of a JSON line (RFC 3339), formatted once for all lines of a millisecond. */
function jsonTime(): () => string {
  let at = Number.NaN;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** Not that of a service with a syslog_name of its own: `postfix/submission/smtpd`. */
const POSTFIX_PROCESS = /^postfix\/(?=[^/]+$)/;

export function createLog(options: LogOptions): LogSink {
  const level: LevelWithSilent = options.level ?? 'info';
  const program = options.program ?? 'postfix';
  const destinations: GatheredLines[] = [];
  const open = (target: string | number, pieces: Pieces): GatheredLines => {
    const lines = new GatheredLines(target, pieces);
    destinations.push(lines);
    return lines;
  };
  let json: Logger | null = null;
  if (options.file !== undefined) {
    mkdirSync(dirname(options.file), { recursive: true });
    json = pino(
      {
        level,
        base: { pid: process.pid, host: options.host },
        timestamp: jsonTime(),
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: serializeError },
      },
      open(options.file, FILE),
    );
  }
  const texts = [
    ...(options.textFile === undefined ? [] : [open(options.textFile, FILE)]),
    ...(options.textFd === undefined ? [] : [open(options.textFd, PIPE)]),
  ];
  const timer = setInterval(() => {
    for (const lines of destinations) lines.flush();
  }, FLUSH_EVERY_MS);
  timer.unref();

  let watcher: LogWatcher | null = null;
  const rank = { debug: 20, info: 30, warn: 40, error: 50, silent: 99 }[level];
  /** `bound`: the fields of the child logger, for a plugin's text lines. */
  const make = (logger: Logger | null, process_: string, bound: Readonly<Record<string, unknown>>): Log => {
    const write =
      (name: 'debug' | 'info' | 'warn' | 'error', severity: number) => (fields: object, message: string) => {
        if (severity < rank) return;
        logger?.[name](fields, message);
        if (name !== 'debug' && watcher?.isWatching() === true && !('plugin' in bound || 'plugin' in fields))
          watcher.onLine({ level: name, process: process_, message, time: Date.now() });
        if (texts.length === 0) return;
        const { plugin, ...rest }: Readonly<Record<string, unknown>> = { ...bound, ...fields };
        const entry = {
          time: Date.now(),
          level: name,
          host: options.host,
          process: process_,
          pid: process.pid,
          message,
        };
        const line = `${formatLine(typeof plugin === 'string' ? { ...entry, plugin, fields: rest } : entry)}\n`;
        for (const text of texts) text.write(line);
      };
    return {
      debug: write('debug', 20),
      info: write('info', 30),
      warn: write('warn', 40),
      error: write('error', 50),
      child: (fields) => {
        const { process: part, ...rest } = fields;
        const name = part?.replace(POSTFIX_PROCESS, `${program}/`);
        const bindings = name === undefined ? rest : { ...rest, process: name };
        return make(logger?.child(bindings) ?? null, name ?? process_, { ...bound, ...rest });
      },
    };
  };
  return {
    ...make(json, 'posthorn', {}),
    reopen: () => {
      for (const lines of destinations) lines.reopen();
    },
    watch: (given) => {
      watcher = given;
    },
    flush: () => {
      clearInterval(timer);
      return Promise.all(destinations.map((lines) => lines.flushed())).then(() => undefined);
    },
  };
}

/** Gathers lines before pino's destination measures and writes them: cheaper than to do so for each line. */
class GatheredLines {
  readonly #stream: ReturnType<typeof destination>;
  readonly #gathered: number;
  readonly #isFile: boolean;
  #lines = '';

  constructor(target: string | number, { gathered, written }: Pieces) {
    this.#gathered = gathered;
    this.#isFile = typeof target === 'string';
    this.#stream = destination({ dest: target, sync: false, minLength: gathered, maxWrite: written, mode: 0o600 });
    // A full disk or a closed pipe must not end the server: losing the line is acceptable.
    this.#stream.on('error', () => {});
  }

  write(line: string): void {
    if (this.#lines.length + line.length > this.#gathered) this.#passOn();
    this.#lines += line;
  }

  flush(): void {
    this.#passOn();
    this.#stream.flush();
  }

  reopen(): void {
    this.#passOn();
    if (this.#isFile) this.#stream.reopen();
  }

  /**
   * Gives up after FLUSH_WITHIN_MS: a full disk would accept nothing however long we wait. Flushes twice, because a
   * flush during a write waits only for that write; the second one writes the lines added since.
   */
  flushed(): Promise<void> {
    this.#passOn();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, FLUSH_WITHIN_MS);
      this.#stream.flush(() =>
        this.#stream.flush(() => {
          clearTimeout(timer);
          resolve();
        }),
      );
    });
  }

  #passOn(): void {
    if (this.#lines === '') return;
    const lines = this.#lines;
    this.#lines = '';
    this.#stream.write(lines);
  }
}
