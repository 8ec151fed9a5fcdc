/**
 * The actual path of a file named in a configuration.
 *
 * A configuration folder contains its own files: `/etc/postfix/access` is first looked up in the folder by its last
 * parts (`postfix/access`, then `access`) and only then by the path itself, so that a copied folder works unchanged,
 * even on a machine with its own /etc/aliases. Each such substitution is reported once.
 */
import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, normalize, relative, sep } from 'node:path';

export interface PathResolver {
  /** The path to use; the given path if the file does not exist. */
  resolve(path: string): string;
  /** Whether the file exists in either place. */
  exists(path: string): boolean;
  /** Each substituted path and the file found, one line each. */
  readonly notes: readonly string[];
  /** Files of the folder that were requested and found, relative to it. */
  readonly used: ReadonlySet<string>;
}

export function createPathResolver(directory: string): PathResolver {
  const notes: string[] = [];
  const told = new Set<string>();
  const used = new Set<string>();

  function find(path: string): string | undefined {
    const found = locate(path);
    if (found !== undefined && isInside(directory, found)) used.add(relative(directory, found));
    return found;
  }

  function locate(path: string): string | undefined {
    const plain = normalize(path);
    if (!isAbsolute(plain)) {
      const inside = join(directory, plain);
      return existsSync(inside) ? inside : undefined;
    }
    if (isInside(directory, plain) && existsSync(plain)) return plain;
    const inFolder = lastParts(plain).find((tail) => existsSync(join(directory, tail)));
    if (inFolder === undefined) return existsSync(plain) ? plain : undefined;
    const found = join(directory, inFolder);
    if (!told.has(plain)) {
      told.add(plain);
      notes.push(
        existsSync(plain)
          ? `${plain}: using ${found} of the configuration folder`
          : `${plain}: not found, using ${found}`,
      );
    }
    return found;
  }

  return {
    resolve: (path) => find(path) ?? (isAbsolute(path) ? path : join(directory, path)),
    exists: (path) => find(path) !== undefined,
    notes,
    used,
  };
}

const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
};

const MAX_PARTS = 4;

/** `etc/postfix/access`, `postfix/access`, `access`: the longest first. None of them leaves the folder. */
export function lastParts(path: string): string[] {
  const parts = path.split(sep).filter((part) => part !== '' && part !== '..' && part !== '.');
  if (basename(path) === '' || parts.length === 0) return [];
  return Array.from({ length: Math.min(MAX_PARTS, parts.length) }, (_, i) =>
    parts.slice(Math.max(0, parts.length - MAX_PARTS) + i).join(sep),
  );
}
