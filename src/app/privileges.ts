/**
 * Root is used only where required: reading keys and binding low ports. Then the process becomes `mail_owner`.
 *
 * While root, the effective user is switched before the store creates its files, so that they belong to `mail_owner`
 * from the start, and restored for the ports; `drop` is permanent.
 */
import { fchownSync, lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError } from '../config/fault.ts';
import { dropFolders } from '../delivery/pickup/maildrop.ts';
import { findUser } from '../lookup/system-users.ts';
import { DATA_FOLDER_MODE } from './data-folder.ts';

export interface Privileges {
  /** The user that the process will become, or null if it does not change. */
  readonly owner: string | null;
  /** Runs with the owner's rights. */
  asOwner<T>(work: () => Promise<T>): Promise<T>;
  /** The same for work that does not wait: nothing else runs meanwhile. */
  asOwnerNow(work: () => void): void;
  /** Creates the folder and gives it, with its contents, to the owner. */
  give(directory: string): void;
  /** Gives a file that was made just now, by its descriptor. */
  giveNew(file: number): void;
  /** Becomes the owner permanently. Throws if root could be regained. */
  drop(): void;
}

/** Nothing to drop: not root, or no owner is configured. */
const unchanged: Privileges = {
  owner: null,
  asOwner: (work) => work(),
  asOwnerNow: (work) => work(),
  give: (directory) => void mkdirSync(directory, { recursive: true, mode: DATA_FOLDER_MODE }),
  giveNew: () => {},
  drop: () => {},
};

/**
 * From main.cf's mail_owner; if it is not set, the process keeps its user. Throws ConfigurationError if root cannot
 * become that user.
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
    throw fault(`there is no such user; create it (useradd --system ${owner}) or leave mail_owner unset`);
  if (user.uid === 0) throw fault('that is root; choose an unprivileged user');
  const lend = (): void => {
    process.setegid?.(user.gid);
    process.seteuid?.(user.uid);
  };
  const giveBack = (): void => {
    process.seteuid?.(0);
    process.setegid?.(0);
  };
  return {
    owner,
    asOwner: async (work) => {
      lend();
      try {
        return await work();
      } finally {
        giveBack();
      }
    },
    asOwnerNow: (work) => {
      lend();
      try {
        work();
      } finally {
        giveBack();
      }
    },
    give: (directory) => {
      mkdirSync(directory, { recursive: true, mode: DATA_FOLDER_MODE });
      const { maildrop, pickup } = dropFolders(directory);
      // Who submitted a message is told by the owner of its file.
      const below = readdirSync(directory, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        [maildrop, pickup].includes(entry.parentPath) ? [] : [join(entry.parentPath, entry.name)],
      );
      for (const path of [directory, ...below]) {
        // A user who could write there must not make root give away a foreign file: a symbolic link itself is changed,
        // and a file with several hard links keeps its owner.
        const stat = lstatSync(path, { throwIfNoEntry: false });
        if (stat?.isDirectory() || stat?.nlink === 1) lchownSync(path, user.uid, user.gid);
      }
    },
    giveNew: (file) => fchownSync(file, user.uid, user.gid),
    drop: () => {
      process.setgroups?.([user.gid]);
      process.setgid?.(user.gid);
      process.setuid?.(user.uid);
      if (process.geteuid?.() === 0 || process.getuid?.() === 0)
        throw new Error('root privileges could not be dropped');
    },
  };
}
