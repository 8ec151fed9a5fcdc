/** The files of a configuration folder, and the shipped folder that stands in for an empty one. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files that make a folder a configuration. */
const CONFIGURATION_FILES = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf'];
const MAX_SIZE = 16 * 1024 * 1024;

export interface Folder {
  readonly directory: string;
  readonly notes: readonly string[];
}

/** The folder itself, or the shipped one where it has no configuration. Throws where it is not a folder. */
export function findFolder(directory: string): Folder {
  if (!existsSync(directory))
    throw new Error(`${directory}: there is no such folder; --config names the folder of main.cf`);
  if (!statSync(directory).isDirectory())
    throw new Error(`${directory} is not a folder; --config names the folder of main.cf`);
  if (CONFIGURATION_FILES.some((file) => existsSync(join(directory, file)))) return { directory, notes: [] };
  const shipped = shippedFolder();
  return {
    directory: shipped,
    notes: [`${directory}: no main.cf there, using the shipped configuration in ${shipped}`],
  };
}

/**
 * `config/` of the checkout, image or package that this program came in, whether sources run or what was built from
 * them.
 */
export function shippedFolder(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json')) && dirname(at) !== at) at = dirname(at);
  return join(at, 'config');
}

/**
 * The text of a file, or undefined where there is none. Throws an Error in words for people where it cannot be read.
 */
export function readText(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  const stat = statSync(path);
  if (!stat.isFile()) throw new Error(`${path}: is not a file`);
  if (stat.size > MAX_SIZE) throw new Error(`${path}: larger than ${MAX_SIZE / 1024 / 1024} MiB`);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(
      `${path}: cannot be read (${error instanceof Error && 'code' in error ? error.code : String(error)})`,
      { cause: error },
    );
  }
}
