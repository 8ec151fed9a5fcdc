/** Reads the files of a configuration folder that stand beside main.cf: those of its own, or the shipped ones. */
import { globSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type DovecotRead, parseDovecotConf } from './dovecot-conf.ts';
import type { Fault } from './fault.ts';
import { readText, shippedFolder } from './folder.ts';
import { type NamedConf, readNamedConf } from './named-conf.ts';
import type { PathResolver } from './paths.ts';

/** Of the folder, or of the shipped folder where it is not there. */
export function readOwnOrShipped<T>(directory: string, name: string, parse: (text: string, file: string) => T): T {
  const own = join(directory, name);
  const text = readText(own);
  if (text !== undefined) return parse(text, own);
  const shipped = join(shippedFolder(), name);
  return parse(readText(shipped) ?? '', shipped);
}

const MAX_INCLUDED = 200;

/** dovecot.conf with what it includes; `listen` are the addresses where it names none. */
export function readDovecot(text: string, file: string, listen: readonly string[]): DovecotRead {
  const include = (pattern: string, from: string): { file: string; text: string }[] => {
    const folder = dirname(from);
    return globSync(pattern, { cwd: folder })
      .sort()
      .slice(0, MAX_INCLUDED)
      .map((name) => (isAbsolute(name) ? name : join(folder, name)))
      .filter((path) => statSync(path).isFile())
      .map((path) => ({ file: path, text: readText(path) ?? '' }));
  };
  return parseDovecotConf(text, file, { include, listen });
}
export interface NamedRead {
  readonly config: NamedConf;
  readonly faults: readonly Fault[];
  readonly warnings: readonly string[];
}

/** named.conf, and whether the files of its zones are there. */
export function readNamed(file: string, paths: PathResolver): NamedRead {
  const read = readNamedConf(file, (path) => {
    const text = readText(path === file ? file : paths.resolve(path));
    if (text === undefined) throw new Error('there is no such file');
    return text;
  });
  const missing = read.config.zones
    .filter((zone) => zone.kind === 'primary' && zone.file !== null && !paths.exists(zone.file))
    .map((zone): Fault => ({ ...zone.place, message: `zone file ${zone.file}: not there, and not in ${dirname(file)} by its last part` }));
  return { ...read, faults: [...read.faults, ...missing] };
}

/** One name a line, `#` comments. */
export function pluginNames(text: string): string[] {
  const names = text.split('\n').map((line) => line.replace(/#.*$/, '').trim());
  return [...new Set(names.filter((name) => name !== ''))];
}
