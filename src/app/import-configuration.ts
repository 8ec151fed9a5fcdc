/**
 * `posthorn import postfix DIR` and its siblings: brings another program's configuration into a folder of ours. Its files
 * are read as a start would read them, so what is copied is what a start needs, and what is said of each setting is what
 * a start does with it. The source is only read; a file that the folder has already stays as it is.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { isInside } from '../config/paths.ts';
import { parseMainCf } from '../config/postfix/main-cf.ts';
import type { ParameterState } from '../config/postfix/parameters/row.ts';
import { parameterRow } from '../config/postfix/parameters.ts';
import { type Checked, checkConfiguration } from './check.ts';

export type Program = 'postfix' | 'dovecot' | 'bind';

/** The files that each program's folder is known by. */
const OWN: Readonly<Record<Program, readonly [main: string, ...others: string[]]>> = {
  postfix: ['main.cf', 'master.cf'],
  dovecot: ['dovecot.conf'],
  bind: ['named.conf'],
};

export interface ImportOptions {
  readonly program: Program;
  readonly from: string;
  readonly to: string;
  /** Where the absolute paths in the files begin. */
  readonly root: string;
  readonly copyKeys: boolean;
  readonly dataDirectory: string;
}

export interface ImportedSetting {
  readonly name: string;
  readonly line: number;
  readonly state: ParameterState | 'unknown';
  /** Why it has no meaning here. */
  readonly reason: string;
}

export interface ImportedFile {
  /** As the configuration names it, or in its folder. */
  readonly name: string;
  readonly state: 'copied' | 'the same' | 'kept' | 'key';
  /** Where it is in the new folder, or where it stays. */
  readonly path: string;
}

export interface ImportReport {
  /** Of main.cf. */
  readonly settings: readonly ImportedSetting[];
  readonly files: readonly ImportedFile[];
  /** What a start with the new folder says. */
  readonly check: Pick<Checked, 'refused' | 'faults' | 'notes'>;
}

/** Rejects with a readable Error. */
export async function importConfiguration(options: ImportOptions): Promise<ImportReport> {
  const { program, from, to, root, dataDirectory } = options;
  const [main] = OWN[program];
  if (!existsSync(join(from, main))) throw new Error(`${from}: there is no ${main}; expected the folder of ${program}`);
  const source = await checkConfiguration(from, dataDirectory, root);
  const files = filesOf(options, source.named).map((file) => bring(file, options));
  const { refused, faults, notes } = await checkConfiguration(to, dataDirectory);
  return {
    settings: program === 'postfix' ? settingsOf(join(from, main)) : [],
    files,
    check: { refused, faults, notes },
  };
}

interface Source {
  readonly name: string;
  readonly file: string;
  /** In the new folder. */
  readonly target: string;
}

function filesOf({ program, from }: ImportOptions, named: ReadonlyMap<string, string>): readonly Source[] {
  const own = OWN[program].filter((name) => existsSync(join(from, name)));
  const found = new Map(own.map((name) => [join(from, name), name]));
  for (const [name, file] of named) if (isFile(file) && !found.has(file)) found.set(file, name);
  const inside = [...found].filter(([file]) => isInside(from, file));
  // What Postfix names where nothing else is set is not the configuration of the others.
  const texts = program === 'postfix' ? null : inside.map(([file]) => readFileSync(file, 'latin1'));
  const sources = inside.map(([file, name]): Source => ({ name, file, target: relative(from, file) }));
  const taken = new Set(sources.map(({ target }) => target));
  for (const [file, name] of found) {
    if (isInside(from, file) || (texts !== null && !texts.some((text) => text.includes(name)))) continue;
    // Paths are looked for in a folder by their last parts (config/paths.ts).
    const short = basename(name);
    const target = taken.has(short) ? join(basename(dirname(name)), short) : short;
    taken.add(target);
    sources.push({ name, file, target });
  }
  return sources;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Copies a file unless it is there, or a private key that is to stay. */
export function bring(
  { name, file, target }: Source,
  { to, copyKeys }: Pick<ImportOptions, 'to' | 'copyKeys'>,
): ImportedFile {
  const path = join(to, target);
  const octets = readFileSync(file);
  if (!copyKeys && octets.includes('PRIVATE KEY-----')) return { name, state: 'key', path: file };
  if (existsSync(path)) return { name, state: readFileSync(path).equals(octets) ? 'the same' : 'kept', path };
  mkdirSync(dirname(path), { recursive: true });
  // With its mode: what only its owner may read stays so.
  copyFileSync(file, path);
  return { name, state: 'copied', path };
}

function settingsOf(file: string): readonly ImportedSetting[] {
  const { settings } = parseMainCf(readFileSync(file, 'utf8'), file);
  return [...settings].map(([name, { line }]) => {
    const row = parameterRow(name);
    return { name, line, state: row?.state ?? 'unknown', reason: row?.reason ?? '' };
  });
}
