/** The files of a configuration folder, and the shipped folder that replaces an empty one. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A folder with any of these files is a configuration. */
const CONFIGURATION_FILES = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf'];
const MAX_SIZE = 16 * 1024 * 1024;

export interface Folder {
  readonly directory: string;
  readonly notes: readonly string[];
}

/** The folder itself, or the shipped one if it has no configuration. Throws if it is not a folder. */
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

/** `config/` of the checkout, image or package of this program, whether it runs from sources or from the build. */
export function shippedFolder(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, 'package.json')) && dirname(at) !== at) at = dirname(at);
  return join(at, 'config');
}

/** The text of a file, or undefined if it does not exist. Throws a readable Error if it cannot be read. */
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
