/** Reads the files of a configuration folder that stand beside main.cf: those of its own, or the shipped ones. */

import { globSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Include, IncludedFile } from './dovecot/blocks.ts';
import { type DovecotRead, parseDovecotConf } from './dovecot/dovecot-conf.ts';
import { withoutMark } from './encoding.ts';
import { readText, shippedFolder } from './folder.ts';
import { lastParts } from './paths.ts';

/** Of the folder, or of the shipped folder where it is not there. */
export function readOwnOrShipped<T>(directory: string, name: string, parse: (text: string, file: string) => T): T {
  const own = join(directory, name);
  const text = readText(own);
  if (text !== undefined) return parse(text, own);
  const shipped = join(shippedFolder(), name);
  return parse(readText(shipped) ?? '', shipped);
}

const MAX_INCLUDED = 200;

/**
 * dovecot.conf with what it includes; `listen` are the addresses where it names none. What it includes is looked
 * for beside it, and where it is a link and nothing is there, beside the file that the link leads to.
 */
export function readDovecot(text: string, file: string, listen: readonly string[]): DovecotRead {
  const include: Include = (pattern, from) => {
    for (const folder of new Set([dirname(from), dirname(realPath(from))])) {
      for (const wanted of placesOf(pattern)) {
        const found = globSync(wanted, { cwd: folder })
          .sort()
          .slice(0, MAX_INCLUDED)
          .map((name) => resolve(folder, name))
          .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true);
        if (found.length > 0) return found.map(readIncluded);
      }
    }
    return [];
  };
  return parseDovecotConf(text, file, { include, listen });
}

/**
 * An absolute pattern is looked for in the folder by its last parts first, as every path is; `*.conf` alone would match
 * everything there.
 */
const placesOf = (pattern: string): string[] =>
  isAbsolute(pattern)
    ? [...lastParts(pattern).filter((tail) => tail.includes('/') || !/[*?[]/.test(tail)), pattern]
    : [pattern];

function readIncluded(file: string): IncludedFile {
  try {
    const text = readText(file);
    return text === undefined ? { file, problem: `${file}: there is no such file` } : { file, text };
  } catch (error) {
    return { file, problem: messageOf(error) };
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** One name a line, `#` comments. */
export function pluginNames(text: string): string[] {
  const names = withoutMark(text)
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim());
  return [...new Set(names.filter((name) => name !== ''))];
}
