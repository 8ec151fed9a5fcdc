/** Reads the other files of a configuration folder beside main.cf: its own, or the shipped ones. */

import { globSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import type { Include, IncludedFile } from './dovecot/blocks.ts';
import { type DovecotRead, parseDovecotConf } from './dovecot/dovecot-conf.ts';
import { readable } from './encoding.ts';
import { readText, shippedFolder } from './folder.ts';
import { lastParts } from './paths.ts';

/** From the folder, or from the shipped folder if it is missing there. */
export function readOwnOrShipped<T>(directory: string, name: string, parse: (text: string, file: string) => T): T {
  const own = join(directory, name);
  const text = readText(own);
  if (text !== undefined) return parse(text, own);
  const shipped = join(shippedFolder(), name);
  return parse(readText(shipped) ?? '', shipped);
}

const MAX_INCLUDED = 200;

/**
 * dovecot.conf with its includes; `listen` are the default addresses. Includes are looked up beside it, and if it is a
 * symbolic link and nothing is found there, beside the link's target.
 */
/** `tell` hears of each file that is included. */
export function readDovecot(
  text: string,
  file: string,
  listen: readonly string[],
  tell: (included: string) => void,
): DovecotRead {
  const include: Include = (pattern, from) => {
    for (const folder of new Set([dirname(from), dirname(realPath(from))])) {
      for (const wanted of placesOf(pattern)) {
        const found = globSync(wanted, { cwd: folder })
          .sort()
          .slice(0, MAX_INCLUDED)
          .map((name) => resolve(folder, name))
          .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true);
        for (const path of found) tell(path);
        if (found.length > 0) return found.map(readIncluded);
      }
    }
    return [];
  };
  return parseDovecotConf(text, file, { include, listen });
}

/**
 * An absolute pattern is first looked up in the folder by its last parts, as every path is; `*.conf` alone would match
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

/** One name per line, `#` comments. */
export function pluginNames(text: string): string[] {
  const names = readable(text)
    .split('\n')
    .map((line) => line.replace(/#.*$/, '').trim());
  return [...new Set(names.filter((name) => name !== ''))];
}
