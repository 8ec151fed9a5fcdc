/**
 * Paths into folders that users may write to, read by somebody who may read more than they: a symbolic link that a user
 * has made may lead to another user's mail.
 */
import { lstat, readlink } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';

const MOST_LINKS = 40;

/**
 * The path without symbolic links; null where there is nothing. Rejects for a link of anybody but root and the user who
 * runs this, who could have typed the path as well.
 */
export async function trustedPath(path: string): Promise<string | null> {
  let at: string = sep;
  let links = 0;
  const left = resolve(path).split(sep).filter(Boolean);
  for (let name = left.shift(); name !== undefined; name = left.shift()) {
    const next = join(at, name);
    const stat = await lstat(next).catch(nothing);
    if (stat === null) return null;
    if (!stat.isSymbolicLink()) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) throw new Error(`${path}: more than ${MOST_LINKS} symbolic links`);
    if (stat.uid !== 0 && stat.uid !== process.getuid?.())
      throw new Error(`${next}: a symbolic link that a user has made is not followed`);
    left.unshift(
      ...resolve(at, await readlink(next))
        .split(sep)
        .filter(Boolean),
    );
    at = sep;
  }
  return at;
}

function nothing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
