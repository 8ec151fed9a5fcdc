/**
 * A folder of static files for each host name (requirement L5): `www/www.baidu.com/index.html`. A symbolic link beside
 * it is an alias of the same host: `www2.baidu.com -> www.baidu.com`. The folder is read at start and at reload.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Maps host names in lower case to their folders; empty if `directory` does not exist. */
export function readHosts(directory: string): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch {
    return hosts;
  }
  for (const name of names) {
    const path = join(directory, name);
    if (!name.startsWith('.') && statSync(path, { throwIfNoEntry: false })?.isDirectory())
      hosts.set(name.toLowerCase(), realpathSync(path));
  }
  return hosts;
}
