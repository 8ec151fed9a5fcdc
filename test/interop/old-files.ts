/** Makes files old, because Postfix's programs wait before they read one that was changed in the last two seconds. */
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const PAST = new Date('2020-01-01T00:00:00Z');

export const makeOld = (file: string): void => utimesSync(file, PAST, PAST);

/** All files of a folder: configuration, tables and their indexes. */
export function makeFilesOld(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true }))
    if (entry.isFile()) makeOld(join(folder, entry.name));
}
