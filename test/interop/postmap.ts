/** Answers of the real `postmap -q`, with a configuration of its own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { makeOld } from './old-files.ts';
import { run } from './program.ts';

export interface Answers {
  /** Of the keys that it finds. */
  readonly found: Readonly<Record<string, string>>;
  /** The lines of the table that it warns about. */
  readonly warned: readonly number[];
  /** All that it said; '' if nothing was wrong. */
  readonly said: string;
  /** It ended because a lookup failed. */
  readonly failed: boolean;
}

export interface Postmap {
  /** A folder for tables. */
  readonly folder: string;
  /** Writes a file there, with a time that is past, and returns its path. */
  write(name: string, lines: readonly string[]): string;
  /** No key may have a line break. */
  query(table: string, keys: readonly string[], env?: Readonly<Record<string, string>>): Promise<Answers>;
  /** Makes the index of a table that has one. */
  make(table: string): Promise<void>;
  close(): void;
}

export function openPostmap(main: readonly string[] = []): Postmap {
  const folder = temporaryFolder('postmap');
  const write = (name: string, lines: readonly string[]): string => {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    makeOld(path);
    return path;
  };
  write('main.cf', ['compatibility_level = 3.6', ...main]);
  return {
    folder,
    write,
    async query(table, keys, env = {}) {
      const { code, out, err } = await run('postmap', ['-c', folder, '-q', '-', table], {
        input: `${keys.join('\n')}\n`,
        env,
      });
      const found = out
        .split('\n')
        .filter((line) => line.includes('\t'))
        .map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]);
      const warned = [...err.matchAll(/, line (\d+):/g)].map((match) => Number(match[1]));
      return {
        found: Object.fromEntries(found),
        warned: [...new Set(warned)].sort((a, b) => a - b),
        said: err,
        failed: code !== 0 && err.includes('fatal'),
      };
    },
    async make(table) {
      const { code, err } = await run('postmap', ['-c', folder, table]);
      if (code !== 0) throw new Error(err);
    },
    close: () => removeFolder(folder),
  };
}
