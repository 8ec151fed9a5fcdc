/** Logs for tests: one that says nothing, one that keeps what was said. */
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
  /** The part of the server that speaks; '' where a log has no parts. */
  readonly process: string;
  readonly fields: { readonly err?: unknown };
  readonly message: string;
}

export interface RecordedLog {
  readonly log: Log;
  readonly lines: string[];
}

/** Lines in these words, `warn: text` if none are given; null leaves a line out. A child writes to the same lines. */
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
