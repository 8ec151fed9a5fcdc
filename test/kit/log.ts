/** Logs for tests: one that discards everything, one that records it. */
import type { Log } from '../../src/log.ts';

export const quietLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => quietLog,
};

export interface Said {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** The part of the server that logs; '' if a log has no parts. */
  readonly process: string;
  readonly fields: { readonly err?: unknown };
  readonly message: string;
}

export interface RecordedLog {
  readonly log: Log;
  readonly lines: string[];
}

/** Formats lines with this function, by default `warn: text`; null omits a line. A child writes to the same lines. */
export function recordLog(
  words: (said: Said) => string | null = ({ level, message }) => `${level}: ${message}`,
): RecordedLog {
  const lines: string[] = [];
  const write = (level: Said['level'], process: string) => (fields: object, message: string) => {
    const line = words({ level, process, fields, message });
    if (line !== null) lines.push(line);
  };
  const logOf = (process: string): Log => ({
    debug: write('debug', process),
    info: write('info', process),
    warn: write('warn', process),
    error: write('error', process),
    child: (fields) => logOf(fields.process ?? process),
  });
  return { log: logOf(''), lines };
}
