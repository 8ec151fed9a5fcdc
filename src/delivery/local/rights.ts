/**
 * With whose rights a command or file of an alias is done (local(8), DELIVERY RIGHTS): those of the user whose forwarding
 * file named it, else those of the owner of the file that did; of root's files those of default_privs.
 */
import { stat } from 'node:fs/promises';
import { findUid, findUser, type User } from '../../lookup/system-users.ts';
import type { LocalTarget } from '../../mail/local-target.ts';

export interface Rights {
  /** Null: the user of this process. */
  readonly user: { readonly uid: number; readonly gid: number } | null;
  /** On whose behalf; null for an alias. */
  readonly person: User | null;
}

/** A text says why there are none; it is temporary: the administrator can mend it. */
export async function rightsOf(
  { user, source }: Pick<LocalTarget, 'user' | 'source'>,
  defaultPrivs: string,
): Promise<Rights | string> {
  const person = user === null ? null : findUser(user);
  if (user !== null && person === null) return `there is no user "${user}" on this machine`;
  const owner = person ?? (source === null ? null : await ownerOf(source));
  if (typeof owner === 'string') return owner;
  const account = owner === null || owner.uid === 0 ? findUser(defaultPrivs) : owner;
  if (account === null) return `default_privs: there is no user "${defaultPrivs}" on this machine`;
  if (account.uid === 0) return 'default_privs: expected a user other than root';
  const { uid, gid, name } = account;
  const ours = process.getuid?.();
  if (ours === uid) return { user: null, person };
  return ours === 0
    ? { user: { uid, gid }, person }
    : `only root may act as ${name}, and this server does not run as root`;
}

/** Null: root. */
async function ownerOf(file: string): Promise<User | null | string> {
  try {
    const { uid, gid } = await stat(file);
    return uid === 0 ? null : (findUid(uid) ?? { name: String(uid), uid, gid, home: '', shell: '' });
  } catch {
    return `${file} cannot be read`;
  }
}
