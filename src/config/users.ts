/** The users and groups of this machine, from /etc/passwd and /etc/group: Node has no getpwnam. */
import { existsSync, readFileSync } from 'node:fs';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export function findUser(name: string): User | null {
  const [, , uid, gid] = entry('/etc/passwd', name);
  return uid === undefined || gid === undefined ? null : { name, uid: Number(uid), gid: Number(gid) };
}

export function findGroup(name: string): number | null {
  const [, , gid] = entry('/etc/group', name);
  return gid === undefined ? null : Number(gid);
}

function entry(file: string, name: string): readonly string[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  return lines.map((line) => line.split(':')).find(([first]) => first === name) ?? [];
}
