/** Reads named.conf with what it includes: the files of the configuration folder stand in for those of /etc/bind. */
import { globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readText } from '../folder.ts';
import type { PathResolver } from '../paths.ts';
import { type NamedRead, readNamedConf } from './named-conf.ts';

/** Whether the files of zones can be read is seen when the zones are loaded: a zone without its file stops no other. */
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
      // A folder of the configuration folder stands in for one elsewhere, as a file does.
      const real = /[*?[]/.test(folder) ? pattern : join(paths.resolve(folder), basename(pattern));
      return globSync(real).sort();
    },
  });
}
