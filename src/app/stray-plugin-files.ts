/**
 * What lies in `plugins.d` for a plugin that is not enabled: a configuration that nobody reads, a version that never
 * runs, a plugin that the file `plugins` does not list. Single files of code are not told: others may import them.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import type { Fault } from '../config/fault.ts';
import { nearest } from '../nearest.ts';

/** Notes; more files are counted. */
const NOTED = 10;

const SETTINGS = /\.(?:json|toml|ini|ya?ml)$/;
const CODE = /\.[cm]?[jt]s$/;
const VERSION = /\.(?:next|before)$/;
/** What npm and compilers read there. */
const OTHERS = /^(?:\..*|node_modules|package(?:-lock)?\.json|[jt]sconfig(?:\..*)?\.json)$/;
const ENTRIES = ['index.ts', 'index.mts', 'index.js', 'index.mjs', 'index.cjs', 'package.json'];

export function strayPluginNotes({ directory, plugins }: Pick<Configuration, 'directory' | 'plugins'>): Fault[] {
  const folder = join(directory, 'plugins.d');
  const strays = entriesOf(folder).flatMap((entry) => {
    const name = ownerOf(folder, entry);
    return name === null || plugins.includes(name) || plugins.includes(name.replace(VERSION, ''))
      ? []
      : [{ file: join(folder, entry), name: name.replace(VERSION, '') }];
  });
  const notes = strays.slice(0, NOTED).map(({ file, name }) => {
    const meant = nearest(name, plugins);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    return { file, line: 0, message: `belongs to no enabled plugin: the file plugins does not list ${name}${hint}` };
  });
  const left = strays.length - NOTED;
  return left > 0
    ? [...notes, { file: folder, line: 0, message: `${left} more files and folders belong to no enabled plugin` }]
    : notes;
}

/** Names below the folder; those of packages with a scope are one folder deeper. */
function entriesOf(folder: string): readonly string[] {
  return namesIn(folder).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(folder, name)).map((below) => `${name}/${below}`) : [name],
  );
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !OTHERS.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** Whose it is, `.next` and `.before` included; null: it need not be a plugin's. */
function ownerOf(folder: string, entry: string): string | null {
  if (SETTINGS.test(entry)) return entry.replace(SETTINGS, '');
  const path = join(folder, entry);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    return VERSION.test(entry) || ENTRIES.some((file) => existsSync(join(path, file))) ? entry : null;
  const name = entry.replace(CODE, '');
  return name !== entry && VERSION.test(name) ? name : null;
}
