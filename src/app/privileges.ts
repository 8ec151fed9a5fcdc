/**
 * Root is only for what needs it: reading keys and binding low ports. Then the process is `mail_owner`.
 *
 * While root, the effective user is lowered before the store makes its files, so that they belong to
 * `mail_owner` from their first moment, and raised again for the ports; `drop` is for good.
 */
import { lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError } from '../config/fault.ts';
import { findUser } from '../config/users.ts';

export interface Privileges {
  /** The user the process will be, or null where it stays who it is. */
  readonly owner: string | null;
  /** Runs with the owner's rights. */
  asOwner<T>(work: () => Promise<T>): Promise<T>;
  /** Makes the folder and gives it, and what lies in it, to the owner. */
  give(directory: string): void;
  /** Becomes the owner for ever. Throws where root could come back. */
  drop(): void;
}

/** Nothing to drop: not root, or no owner is asked for. */
const unchanged: Privileges = {
  owner: null,
  asOwner: (work) => work(),
  give: (directory) => void mkdirSync(directory, { recursive: true, mode: 0o700 }),
  drop: () => {},
};

/**
 * By main.cf's mail_owner; where it is not set, the user that started the process stays. Throws ConfigurationError
 * where root cannot become it.
 */
export function choosePrivileges({
  parameters,
  directory,
}: Pick<Configuration, 'parameters' | 'directory'>): Privileges {
  if (!parameters.isSet('mail_owner') || process.geteuid?.() !== 0) return unchanged;
  const owner = parameters.string('mail_owner');
  const user = findUser(owner);
  const fault = (message: string): ConfigurationError =>
    new ConfigurationError([
      { file: join(directory, 'main.cf'), line: 0, parameter: 'mail_owner', message: `"${owner}": ${message}` },
    ]);
  if (user === null)
    throw fault(`there is no such user; make it (useradd --system ${owner}) or leave mail_owner unset`);
  if (user.uid === 0) throw fault('that is root; name a user without rights of its own');
  return {
    owner,
    asOwner: async (work) => {
      process.setegid?.(user.gid);
      process.seteuid?.(user.uid);
      try {
        return await work();
      } finally {
        process.seteuid?.(0);
        process.setegid?.(0);
      }
    },
    give: (directory) => {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const below = readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) =>
        join(entry.parentPath, entry.name),
      );
      for (const path of [directory, ...below]) {
        // Who could write there before must not have root give away a file from elsewhere: a link is
        // changed itself, and a file that has a second name stays whose it is.
        const stat = lstatSync(path);
        if (stat.isDirectory() || stat.nlink === 1) lchownSync(path, user.uid, user.gid);
      }
    },
    drop: () => {
      process.setgroups?.([user.gid]);
      process.setgid?.(user.gid);
      process.setuid?.(user.uid);
      if (process.geteuid?.() === 0 || process.getuid?.() === 0) throw new Error('root could not be given up');
    },
  };
}
