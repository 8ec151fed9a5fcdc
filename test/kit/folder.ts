/** Folders of a test's own, below the system's folder for temporary files. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new, empty folder; `name` tells whose it is where a test left one behind. */
export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `posthorn-${name}-`));

/** With all that is in it, also where a program that is ending still writes there. */
export const removeFolder = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 10 });
