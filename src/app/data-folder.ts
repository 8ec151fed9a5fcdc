/** The data folder: its layout, and the parts that must exist before anything in it is opened. */
import { closeSync, existsSync, mkdirSync, openSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../errors.ts';

/**
 * Others may pass through a new data folder, because that is how local users reach `maildrop`; what is in it they can
 * neither list nor read.
 */
export const DATA_FOLDER_MODE = 0o711;

export const logFileOf = (dataDirectory: string): string => join(dataDirectory, 'log', 'mail.jsonl');

export const temporaryFolder = (dataDirectory: string): string => join(dataDirectory, 'tmp');

/** Created while root, and given to the owner with the rest: later nothing can be created beside the store. */
export function makeDataFolder(dataDirectory: string): void {
  const logFile = logFileOf(dataDirectory);
  try {
    mkdirSync(dataDirectory, { recursive: true, mode: DATA_FOLDER_MODE });
    for (const folder of [temporaryFolder(dataDirectory), dirname(logFile)])
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

/**
 * maillog_file: created while root where it is missing, and the owner's. One that exists keeps its owner, and the
 * process must be able to write to it after it has become mail_owner.
 */
export function makeMailLog(
  file: string,
  privileges: { giveNew(file: number): void; asOwnerNow(work: () => void): void },
): void {
  try {
    if (!existsSync(file)) {
      const created = openSync(file, 'ax', 0o600);
      privileges.giveNew(created);
      closeSync(created);
    }
    privileges.asOwnerNow(() => closeSync(openSync(file, 'a')));
  } catch (error) {
    throw new Error(
      `${file}: cannot be used as maillog_file (${messageOf(error)}); make it writable for the user of the server`,
      { cause: error },
    );
  }
}

/** On the disk of a folder, for a program without privileges. */
export function freeOctets(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
