/** The files of the project. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `path` is relative to the project. */
export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
