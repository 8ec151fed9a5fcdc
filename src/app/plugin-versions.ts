/**
 * `posthorn plugin promote` and `rollback`: files and folders of `plugins.d` change their names, those of a plugin's code
 * and of its configuration alike. What goes wrong afterwards takes it all back.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What becomes of each version's names. */
const CHANGES = {
  promote: { from: '.next', to: '.before' },
  rollback: { from: '.before', to: '.next' },
} as const;
export type VersionChange = keyof typeof CHANGES;

const CODE = ['', '.ts', '.mts', '.js', '.mjs', '.cjs'];
const SETTINGS = ['.json', '.toml', '.ini', '.yaml', '.yml'];

export interface Exchanged {
  /** `greylist.next -> greylist`, in the order in which it was done. */
  readonly moves: readonly string[];
  /** All names are as before. */
  undo(): void;
  /** It stays so: what has been replaced for the second time is removed. */
  keep(): void;
}

/** Throws an Error that says what is missing or in the way; nothing has changed then. */
export function exchange(configDirectory: string, name: string, change: VersionChange): Exchanged {
  const folder = join(configDirectory, 'plugins.d');
  const { from, to } = CHANGES[change];
  const there = new Set(existsSync(folder) ? readdirSync(folder) : []);
  const named = (version: string, endings: readonly string[]): readonly string[] =>
    endings.map((ending) => `${name}${version}${ending}`).filter((file) => there.has(file));
  for (const version of [from, ''])
    if (named(version, CODE).length !== 1)
      throw new Error(
        `plugin ${name}: expected ${join(folder, `${name}${version}`)}, a folder or a file such as ${name}${version}.ts: there is ${named(version, CODE).join(' and ') || 'none'}`,
      );
  // A version without a configuration of its own shares the one in use.
  const kinds = named(from, SETTINGS).length === 0 ? [CODE] : [CODE, SETTINGS];
  const moves = kinds.flatMap((endings) => [
    ...named(to, endings).map((file) => ({ file, as: `.${file}.old` })),
    ...named('', endings).map((file) => ({ file, as: `${name}${to}${file.slice(name.length)}` })),
    ...named(from, endings).map((file) => ({ file, as: `${name}${file.slice(name.length + from.length)}` })),
  ]);
  const old = moves.filter(({ as }) => as.startsWith('.'));
  if (change === 'rollback' && old.length > 0)
    throw new Error(
      `plugin ${name}: ${join(folder, old[0]?.file ?? '')} is there already; remove it first: the version that is given up gets that name`,
    );
  const done: typeof moves = [];
  const undo = (): void => {
    for (const { file, as } of done.toReversed()) renameSync(join(folder, as), join(folder, file));
  };
  for (const move of moves) {
    try {
      rmSync(join(folder, move.as), { recursive: true, force: true });
      renameSync(join(folder, move.file), join(folder, move.as));
      done.push(move);
    } catch (error) {
      undo();
      throw error;
    }
  }
  return {
    moves: moves.filter((move) => !old.includes(move)).map(({ file, as }) => `${file} -> ${as}`),
    undo,
    keep: () => {
      for (const { as } of old) rmSync(join(folder, as), { recursive: true, force: true });
    },
  };
}
