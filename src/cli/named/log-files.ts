/** The log of a server, as its main.cf names it; main.cf need not be there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { logFileOf } from '../../app/data-folder.ts';
import { thisMachine } from '../../config/machine.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import type { PlaceOptions } from '../place.ts';

export interface LogFiles {
  /** In the data folder, as JSON. */
  readonly own: string;
  /** maillog_file, as text; null where there is none. */
  readonly mailLog: string | null;
  /** What old logs are called, in the words of date(1). */
  readonly suffix: string;
}

export function logFilesOf({ config, data }: PlaceOptions): LogFiles {
  const own = logFileOf(data);
  if (!existsSync(join(config, 'main.cf'))) return { own, mailLog: null, suffix: '%Y%m%d-%H%M%S' };
  const { parameters } = showMainCf({ directory: config, ...thisMachine() });
  const mailLog = parameters.string('maillog_file');
  return {
    own,
    mailLog: mailLog.startsWith('/') && mailLog !== '/dev/stdout' ? mailLog : null,
    suffix: parameters.string('maillog_file_rotate_suffix'),
  };
}
