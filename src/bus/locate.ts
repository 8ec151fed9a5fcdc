/**
 * Where a plugin's code is, and how Node is told to load it.
 *
 * A plugin is a folder with an index file (or with a package.json whose `main` names another), one file, or an npm
 * package. Node keeps each module that it has read; so that a reload reads what was changed, all files of a plugin get a
 * query with the time of the newest change in its folder.
 */
import { readdir, realpath, stat } from 'node:fs/promises';
import { createRequire, type LoadHookSync, type ResolveHookSync, registerHooks } from 'node:module';
import { dirname, extname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nearest } from '../nearest.ts';

/** Node runs all of these; the first that is there is taken. */
const ENDINGS = ['.ts', '.mts', '.js', '.mjs', '.cjs'] as const;
const CODE = /\.(?:[cm]?[jt]s|json|wasm|node)$/;
const MODULES = 'node_modules';
/** A folder with more files than this is not a plugin's alone: what lies deeper is not watched. */
const MOST_FILES = 2_000;

export interface Located {
  readonly path: string;
  /** To import; another one after a change. */
  readonly url: string;
  /** The file or the folder of its code. */
  readonly code: string;
  /** When its code was last changed, ms. Other files may be its data. */
  readonly codeChanged: number;
  /** The folder whose files are read again with it; null for one file, and for an npm package. */
  readonly folder: string | null;
  /** It comes with this server. */
  readonly isOurs: boolean;
}

/** Folders to look in, in this order; `base`, if any, is where npm packages are installed. */
export interface Places {
  readonly directories: readonly string[];
  /** The one of the plugins that come with this server. */
  readonly ours: string;
  readonly base: string | null;
}

/** Rejects with an Error that says where it was looked for. */
export async function locate(name: string, { directories, base, ours }: Places): Promise<Located> {
  for (const directory of directories) {
    const found = await locateIn(directory, name, ours);
    if (found !== null) return found;
  }
  const path = base === null ? null : (packageIn(base, name) ?? packageIn(base, `posthorn-plugin-${name}`));
  if (path !== null) return inPackage(path);
  throw new Error(await notFound(name, directories, base));
}

/** Null: it is not there. */
export async function locateIn(directory: string, name: string, ours: string): Promise<Located | null> {
  const folder = join(directory, name);
  const index = (await firstFile(ENDINGS.map((ending) => join(folder, `index${ending}`)))) ?? mainOf(folder);
  const single = await firstFile(ENDINGS.map((ending) => `${folder}${ending}`));
  if (index !== null && single !== null)
    throw new Error(`is there twice, as ${index} and as ${single}; remove one of them`);
  const isOurs = directory === ours;
  if (index !== null) return { ...(await inFolder(await realpath(folder), await realpath(index))), isOurs };
  if (single === null) return null;
  const { ctimeMs } = await stat(single);
  return { ...withStamp({ path: single, code: single, folder: null }, { file: ctimeMs, code: ctimeMs }), isOurs };
}

/** Node keeps its modules until the process ends: a reload of the server's own process reads none of them again. */
async function inPackage(path: string): Promise<Located> {
  const code = await packageOf(path);
  const { code: codeChanged } = await newest(code);
  return { path, url: pathToFileURL(path).href, code, codeChanged, folder: null, isOurs: false };
}

/** The nearest folder above with a package.json. */
async function packageOf(path: string): Promise<string> {
  const folder = dirname(path);
  const isIts = (await firstFile([join(folder, 'package.json')])) !== null;
  return isIts || folder === dirname(folder) ? folder : packageOf(folder);
}

async function inFolder(folder: string, path: string): Promise<Omit<Located, 'isOurs'>> {
  return withStamp({ path, code: folder, folder }, await newest(folder));
}

/** A query is only added for what changed since the process started: the compile cache works with unchanged URLs. */
function withStamp(place: Pick<Located, 'path' | 'code' | 'folder'>, { file, code }: Changed): Omit<Located, 'isOurs'> {
  const query = file > performance.timeOrigin ? `?changed=${Math.trunc(file)}` : '';
  return { ...place, url: `${pathToFileURL(place.path).href}${query}`, codeChanged: code };
}

async function firstFile(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) if ((await stat(path).catch(() => null))?.isFile() === true) return path;
  return null;
}

/** The file that `main` of its package.json names. */
function mainOf(folder: string): string | null {
  return resolved(createRequire(join(folder, 'package.json')), './');
}

const packageIn = (base: string, name: string): string | null =>
  resolved(createRequire(join(base, 'package.json')), name);

function resolved(require: NodeJS.Require, what: string): string | null {
  try {
    return require.resolve(what);
  } catch {
    return null;
  }
}

/** The times of the newest changes, ms: of any file, and of a file that Node may import. */
interface Changed {
  readonly file: number;
  readonly code: number;
}

/** Below a folder. */
async function newest(folder: string): Promise<Changed> {
  // A folder that was renamed has files that were not changed.
  const latest = { file: (await stat(folder)).ctimeMs, code: 0 };
  let seen = 0;
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined && seen < MOST_FILES; at = waiting.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (entry.name === MODULES || entry.name.startsWith('.')) continue;
      const path = join(at, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else {
        const changed = (await stat(path).catch(() => null))?.ctimeMs ?? 0;
        latest.file = Math.max(latest.file, changed);
        if (CODE.test(entry.name)) latest.code = Math.max(latest.code, changed);
      }
      seen += 1;
    }
  }
  return latest;
}

async function notFound(name: string, directories: readonly string[], base: string | null): Promise<string> {
  const there = await Promise.all(directories.map((directory) => readdir(directory).catch((): string[] => [])));
  const names = there.flat().map((file) => file.replace(/\.[cm]?[jt]s$/, ''));
  const known = nearest(name, names);
  const packages = base === null ? '' : `, and for a package ${name} or posthorn-plugin-${name} in ${base}`;
  return `not found${known === undefined ? '.' : `; did you mean ${known}?`} Looked for ${name}/index.ts and ${name}.ts (or .mts, .js, .mjs, .cjs) in ${directories.join(', ')}${packages}`;
}

/** Whether its code is another one by now than when it was located. */
export async function hasOtherCode({ code, codeChanged }: Located): Promise<boolean> {
  const found = await stat(code).catch(() => null);
  return found === null || codeChanged !== (found.isDirectory() ? (await newest(code)).code : found.ctimeMs);
}

/** Imports a plugin's module. Rejects with whatever it throws. */
export async function importLocated({
  url,
  folder,
  path,
}: Omit<Located, 'isOurs'>): Promise<{ readonly default?: unknown }> {
  const hooks = registerHooks({
    resolve: folder === null ? resolveFace : resolveIn(folder, new URL(url).search),
    load: loadTypeScript(dirname(path)),
  });
  forgetCommonJs(folder ?? path);
  try {
    return (await import(url)) as { readonly default?: unknown };
  } finally {
    hooks.deregister();
  }
}

/**
 * `posthorn/plugin` always resolves to this server's own module, wherever the operator's folder is, so there are never
 * two copies.
 */
export const resolveFace: ResolveHookSync = (specifier, context, next) =>
  specifier === 'posthorn/plugin'
    ? { url: new URL(`./plugin${extname(import.meta.url)}`, import.meta.url).href, shortCircuit: true }
    : next(specifier, context);

/** The other files of the plugin's folder get the query of its index file. */
function resolveIn(folder: string, query: string): ResolveHookSync {
  const root = `${pathToFileURL(folder).href}/`;
  const isOwn = (url: string): boolean =>
    url.startsWith(root) && !url.includes('?') && !url.slice(root.length - 1).includes(`/${MODULES}/`);
  return (specifier, context, next) => {
    const found = resolveFace(specifier, context, next) as ReturnType<typeof next>;
    return query !== '' && isOwn(found.url) ? { ...found, url: `${found.url}${query}` } : found;
  };
}

/**
 * TypeScript below the folder is a module, whatever the package.json says that happens to be above it: `npm init` writes
 * `"type": "commonjs"`.
 */
export function loadTypeScript(folder: string): LoadHookSync {
  const root = `${pathToFileURL(folder).href}/`;
  return (url, context, next) =>
    context.format === 'commonjs-typescript' && url.startsWith(root) && /\.ts(?:\?|$)/.test(url)
      ? next(url, { ...context, format: 'module-typescript' })
      : next(url, context);
}

/** CommonJS modules are kept by their path, whatever the query. */
function forgetCommonJs(place: string): void {
  const { cache } = createRequire(import.meta.url);
  for (const path of Object.keys(cache)) if (path === place || path.startsWith(`${place}${sep}`)) delete cache[path];
}
