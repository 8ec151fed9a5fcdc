/**
 * A folder of static files for each host name (requirement L5): `www/www.baidu.com/index.html`.
 * A symbolic link beside it is another name of the same host: `www2.baidu.com -> www.baidu.com`.
 * Hosts are the folder's entries at start and at reload.
 */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Host names in lower case to the folder they are served from; empty where `directory` is not there. */
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
