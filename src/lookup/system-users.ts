/** The users and groups of this machine, from /etc/passwd and /etc/group: Node has no getpwnam. */
import { existsSync, readFileSync } from 'node:fs';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

const userIn = ([name, , uid, gid, , home = '', shell = '']: readonly string[]): User | null =>
  name === undefined || uid === undefined || gid === undefined
    ? null
    : { name, uid: Number(uid), gid: Number(gid), home, shell };

export const findUser = (name: string): User | null => userIn(entry('/etc/passwd', name));

export const findUid = (uid: number): User | null =>
  userIn(entries('/etc/passwd').find((fields) => fields[2] === String(uid)) ?? []);

/** The name of a user, and the full name for From; null if there is no such user. */
export function userOf(uid: number): { readonly name: string; readonly fullName: string } | null {
  const [name, , , , gecos = ''] = entries('/etc/passwd').find((fields) => fields[2] === String(uid)) ?? [];
  // Passwd's fifth field: what stands before the first comma, with & for the login name.
  const fullName = gecos.replace(/,.*$/s, '').replaceAll('&', `${name?.charAt(0).toUpperCase()}${name?.slice(1)}`);
  return name === undefined ? null : { name, fullName };
}

export function findGroup(name: string): number | null {
  const [, , gid] = entry('/etc/group', name);
  return gid === undefined ? null : Number(gid);
}

function entry(file: string, name: string): readonly string[] {
  return entries(file).find(([first]) => first === name) ?? [];
}

function entries(file: string): readonly (readonly string[])[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.map((line) => line.split(':'));
}
