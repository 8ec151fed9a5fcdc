/** Temporary folders for tests, below the temporary folder of the system. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new, empty folder; `name` shows which test made it if it is left behind. */
export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `posthorn-${name}-`));

/** Removes it with its contents, even if a program that is ending still writes there. */
export const removeFolder = (path: string): void => rmSync(path, { recursive: true, force: true, maxRetries: 10 });
