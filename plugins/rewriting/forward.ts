/**
 * A user's own forwarding file (local(8), forward_path): `~/.forward` with targets as in aliases(5).
 *
 * Guarantees: a user name never leads outside the configured path; a file that others may write to, or that is too
 * long, is not read; a symbolic link is not followed, because its creator may lack access to a file that we can read,
 * and a bounce would reveal its content; if the file cannot be used, the mail stays with the user.
 */
import { constants, type Stats } from 'node:fs';
import { open } from 'node:fs/promises';
import { LRUCache } from 'lru-cache';
import type { Server } from '../../src/bus/plugin.ts';
import { filtered } from '../../src/lookup/expansion-filter.ts';
import { findUser } from '../../src/lookup/system-users.ts';
import { type Member, parseInclude } from '../../src/protocol/members.ts';

const LONGEST = 64 * 1024;
const REMEMBERED = 10_000;
/** How long a file, or its absence, is cached, in ms: mail for one user comes in bursts. */
const FRESH = 2000;
const USER = /^[a-z0-9_][\w.-]{0,63}$/i;
/** Of one level of a path, and not a name for the level above. */
const EXTENSION = /^(?!\.+$)[^/\0]{1,64}$/;
/** Writable by group or others. */
const LOOSE = 0o022;

/** A file that is followed. */
export interface Forward {
  readonly path: string;
  /** The user of the machine whose it is; null for one whose account is here only. */
  readonly owner: string | null;
  readonly members: readonly Member[];
}

const NONE: Forward = { path: '', owner: null, members: [] };

export class Forwards {
  readonly #server: Server;
  readonly #paths: readonly string[];
  /** forward_expansion_filter */
  readonly #filter: ReadonlySet<string>;
  readonly #known: LRUCache<string, Forward>;

  constructor(server: Server) {
    this.#server = server;
    this.#paths = server.parameters.list('forward_path');
    this.#filter = new Set(server.parameters.string('forward_expansion_filter'));
    this.#known = new LRUCache({
      maxSize: REMEMBERED,
      sizeCalculation: () => 1,
      ttl: FRESH,
      ttlResolution: 0,
      perf: { now: server.clock },
    });
  }

  /** Without members if there is no file to follow. `extension`: with its delimiter, or ''. */
  async of(user: string, extension: string): Promise<Forward> {
    if (!USER.test(user)) return NONE;
    const key = `${user} ${extension}`;
    const known = this.#known.get(key) ?? (await this.#find(user, extension));
    this.#known.set(key, known);
    return known;
  }

  async #find(user: string, extension: string): Promise<Forward> {
    const person = findUser(user);
    for (const path of this.#pathsOf(user, extension, person?.home ?? `/home/${user}`)) {
      const members = await this.#read(path);
      if (members.length > 0) return { path, owner: person?.name ?? null, members };
    }
    return NONE;
  }

  #pathsOf(user: string, extension: string, home: string): ReadonlySet<string> {
    const given = filtered(extension.slice(1), this.#filter);
    const detail = EXTENSION.test(given) ? given : '';
    const values = new Map(
      Object.entries({
        home,
        user,
        extension: detail,
        recipient_delimiter: detail === '' ? '' : extension.charAt(0),
      }).map(([name, value]) => [name, filtered(value, this.#filter)] as const),
    );
    const expand = (path: string): string =>
      path.replace(
        /\$(?:\{(\w+)\}|\((\w+)\)|(\w+))/g,
        (_all, a?: string, b?: string, c?: string) => values.get(a ?? b ?? c ?? '') ?? '',
      );
    return new Set(this.#paths.map(expand));
  }

  async #read(path: string): Promise<readonly Member[]> {
    if (!path.startsWith('/')) return [];
    try {
      // Does not wait for the other end of a pipe.
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        const fault = faultOf(await handle.stat());
        if (fault === null) return parseInclude(await handle.readFile('utf8'));
        this.#server.log.warn({ file: path }, `${path} ${fault}: not followed`);
      } finally {
        await handle.close();
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') this.#server.log.warn({ file: path }, `${path} is a symbolic link: not followed`);
      else if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EACCES')
        this.#server.log.warn({ file: path }, `${path} cannot be read: ${code ?? 'unknown'}`);
    }
    return [];
  }
}

/** Why a file is not read; the text follows its name. */
function faultOf(file: Stats): string | null {
  if (!file.isFile()) return 'is not a file';
  if (file.nlink > 1) return 'has several hard links';
  if (file.size > LONGEST) return `is longer than ${LONGEST} octets`;
  return (file.mode & LOOSE) === 0 ? null : 'is writable by others';
}
