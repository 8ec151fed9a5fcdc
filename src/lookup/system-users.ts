/** The users and groups of this machine, from /etc/passwd and /etc/group: Node has no getpwnam. */
import { readFileSync, statSync } from 'node:fs';

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
  return read(file).byName.get(name) ?? [];
}

const entries = (file: string): Entries => read(file).entries;

type Entries = readonly (readonly string[])[];

interface Read {
  /** The file is the same as long as this is. */
  readonly stamp: string;
  readonly entries: Entries;
  /** The first of a name counts. */
  readonly byName: ReadonlyMap<string, readonly string[]>;
}

/** As they were last: mail asks for each of its users. */
const known = new Map<string, Read>();

function read(file: string): Read {
  const stats = statSync(file, { throwIfNoEntry: false });
  const stamp = stats === undefined ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
  const before = known.get(file);
  if (before?.stamp === stamp) return before;
  const lines = stats === undefined ? [] : readFileSync(file, 'utf8').split('\n');
  const found = lines.map((line) => line.split(':'));
  const byName = new Map(found.toReversed().map((fields) => [fields[0] ?? '', fields] as const));
  const fresh = { stamp, entries: found, byName };
  known.set(file, fresh);
  return fresh;
}
