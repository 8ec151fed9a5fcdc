/**
 * The actual path of a file named in a configuration.
 *
 * A configuration folder contains its own files: `/etc/postfix/access` is first looked up in the folder by its last
 * parts (`postfix/access`, then `access`) and only then by the path itself, so that a copied folder works unchanged,
 * even on a machine with its own /etc/aliases. Each such substitution is reported once.
 */
import { existsSync } from 'node:fs';
import { basename, isAbsolute, join, normalize, relative, sep } from 'node:path';

/** Octets that the path of a UNIX socket may have on Linux (sun_path, without its NUL). */
export const SOCKET_PATH_LIMIT = 107;

export class PathResolver {
  readonly #directory: string;
  readonly #root: string;
  readonly #notes: string[] = [];
  readonly #told = new Set<string>();
  readonly #used = new Set<string>();
  readonly #found = new Map<string, string>();

  /** `root`: where absolute paths begin; another machine's disk may be mounted or copied there. */
  constructor(directory: string, root = '/') {
    this.#directory = directory;
    this.#root = root;
  }

  /** Each substituted path and the file found, one line each. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Files of the folder that were requested and found, relative to it. */
  get used(): ReadonlySet<string> {
    return this.#used;
  }

  /** Paths that were requested and found, with the file of each. */
  get found(): ReadonlyMap<string, string> {
    return this.#found;
  }

  /** A file that was found in another way. */
  tell(file: string): void {
    this.#found.set(file, file);
  }

  /** The path to use; the path itself where the file is nowhere. */
  resolve(path: string): string {
    return this.#find(path) ?? (isAbsolute(path) ? path : join(this.#directory, path));
  }

  /** Whether the file is somewhere. */
  exists(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  #find(path: string): string | undefined {
    const found = this.#locate(path);
    if (found === undefined) return undefined;
    this.#found.set(path, found);
    if (isInside(this.#directory, found)) this.#used.add(relative(this.#directory, found));
    return found;
  }

  #locate(path: string): string | undefined {
    const plain = normalize(path);
    if (!isAbsolute(plain)) {
      const inside = join(this.#directory, plain);
      return existsSync(inside) ? inside : undefined;
    }
    if (isInside(this.#directory, plain) && existsSync(plain)) return plain;
    const inFolder = lastParts(plain).find((tail) => existsSync(join(this.#directory, tail)));
    const rooted = join(this.#root, plain);
    if (inFolder === undefined) return existsSync(rooted) ? rooted : undefined;
    const found = join(this.#directory, inFolder);
    if (!this.#told.has(plain)) {
      this.#told.add(plain);
      this.#notes.push(
        existsSync(rooted)
          ? `${plain}: using ${found} of the configuration folder`
          : `${plain}: not found, using ${found}`,
      );
    }
    return found;
  }
}

/** Below the folder; not the folder itself. */
export const isInside = (directory: string, path: string): boolean => {
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
