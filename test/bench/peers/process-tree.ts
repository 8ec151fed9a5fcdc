/** Processes and their descendants (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}

function processes(): readonly Entry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const found = /^\d+ \((.*)\) \S (\d+)/s.exec(read(`/proc/${name}/stat`));
      return found === null ? [] : [{ pid: Number(name), parent: Number(found[2]), name: found[1] ?? '' }];
    });
}

/** The child processes of `parent` with that name, the newest last. */
export const childrenOf = (parent: number, name: string): readonly number[] =>
  processes()
    .filter((entry) => entry.parent === parent && entry.name === name)
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);

/** These processes and their descendants. */
export function treeOf(roots: readonly number[]): readonly number[] {
  const all = processes();
  const members = new Set(roots);
  for (let before = 0; before !== members.size; ) {
    before = members.size;
    for (const { pid, parent } of all) if (members.has(parent)) members.add(pid);
  }
  return [...members];
}

/** Octets resident in these processes and their descendants; shared memory counts once (Pss). */
export const treeMemory = (roots: readonly number[]): number =>
  treeOf(roots)
    .map((pid) => Number(/^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) * 1024)
    .reduce((sum, octets) => sum + octets, 0);
