/** The data folder: its layout, and the parts that must exist before anything in it is opened. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';

export const logFileOf = (dataDirectory: string): string => join(dataDirectory, 'log', 'mail.jsonl');

export const temporaryFolder = (dataDirectory: string): string => join(dataDirectory, 'tmp');

/** Created while root, and given to the owner with the rest: later nothing can be created beside the store. */
export function makeDataFolder(dataDirectory: string): void {
  const logFile = logFileOf(dataDirectory);
  try {
    for (const folder of [dataDirectory, temporaryFolder(dataDirectory), dirname(logFile)])
      mkdirSync(folder, { recursive: true, mode: 0o700 });
    closeSync(openSync(logFile, 'a', 0o600));
  } catch (error) {
    throw new Error(
      `${dataDirectory}: cannot be used as the data folder (${messageOf(error)}); make it writable for this user, or choose another with --data`,
      {
        cause: error,
      },
    );
  }
}
