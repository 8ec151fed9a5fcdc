/** Reads named.conf and its includes: files of the configuration folder replace those of /etc/bind. */
import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readText } from '../folder.ts';
import type { PathResolver } from '../paths.ts';
import { type NamedRead, readNamedConf } from './named-conf.ts';

/** Zone files are checked when the zones are loaded: a zone with an unreadable file does not affect the others. */
export function readNamed(file: string, paths: PathResolver): NamedRead {
  return readNamedConf(file, {
    read(path) {
      const real = path === file ? file : paths.resolve(path);
      const text = readText(real);
      if (text === undefined) throw new Error('there is no such file');
      return { file: real, text };
    },
    match(pattern) {
      const folder = dirname(pattern);
      // A folder within the configuration folder replaces one elsewhere, as a file does.
      const real = /[*?[]/.test(folder) ? pattern : join(paths.resolve(folder), basename(pattern));
      return globSync(real).sort();
    },
  });
}
