/**
 * Finds, checks and registers the plugins of `config/plugins` on a fresh bus.
 *
 * Either every plugin is registered, or the load fails with all errors at once and everything registered is closed
 * again. A plugin file that changed since the last load is read again.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { createRequire, type ResolveHookSync, registerHooks } from 'node:module';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Clock } from '../clock.ts';
import { messageOf, stackOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { nearest } from '../nearest.ts';
import { runningMark, whileRunning } from '../running.ts';
import { Bus, DEFAULT_POLICY, type PluginPolicy } from './bus.ts';
import { Lending } from './lending.ts';
import type { Plugin, Server } from './plugin.ts';
import { pluginLog } from './plugin-log.ts';
import { isThenable, LATE, within } from './settle.ts';

export interface LoadOptions {
  /** In the order in which they are called. */
  readonly names: readonly string[];
  /** Folders that contain a folder for each plugin, searched in this order: the built-in ones, then the operator's. */
  readonly directories: readonly string[];
  /**
   * The configuration folder, for `plugins.d/<name>.json` and for packages installed beside it; null if there is none.
   */
  readonly configDirectory: string | null;
  /** The services passed to every plugin. */
  readonly server: Pick<
    Server,
    'parameters' | 'tables' | 'domains' | 'resolver' | 'verifications' | 'directory' | 'resolvePath' | 'connectLocal'
  >;
  readonly log: Log;
  readonly clock: Clock;
}

/** Limit for a plugin's import and its register(), ms: a start or reload waits for both. */
const REGISTER_WITHIN = 60_000;

/** Why a plugin cannot be used, as one sentence. */
export interface PluginFault {
  /** The name as listed. */
  readonly plugin: string;
  readonly message: string;
}

/** Makes a start or reload fail. */
export class PluginFaults extends Error {
  override readonly name = 'PluginFaults';
  readonly faults: readonly PluginFault[];
  constructor(faults: readonly PluginFault[]) {
    super(faults.map(({ plugin, message }) => `plugin ${plugin}: ${message}`).join('\n'));
    this.faults = faults;
  }
}

/** Throws PluginFaults. */
export async function loadPlugins(options: LoadOptions): Promise<Bus> {
  const bus = new Bus({ log: options.log, clock: options.clock });
  const faults: PluginFault[] = [];
  const face = registerHooks({ resolve: resolveFace });
  for (const name of new Set(options.names)) {
    try {
      if (options.names.indexOf(name) !== options.names.lastIndexOf(name))
        throw new Error('is listed more than once; list it once');
      const plugin = await importPlugin(name, options);
      const config = await readConfig(name, options.configDirectory);
      for (const message of await register(bus, plugin, config, options)) faults.push({ plugin: name, message });
    } catch (error) {
      faults.push({ plugin: name, message: messageOf(error) });
    }
  }
  face.deregister();
  if (faults.length === 0) return bus;
  await bus.close();
  throw new PluginFaults(faults);
}

/**
 * `posthorn/plugin` always resolves to this server's own module, wherever the operator's folder is, so there are never
 * two copies.
 */
const resolveFace: ResolveHookSync = (specifier, context, next) =>
  specifier === 'posthorn/plugin'
    ? { url: new URL(`./plugin${extname(import.meta.url)}`, import.meta.url).href, shortCircuit: true }
    : next(specifier, context);

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
async function register(bus: Bus, plugin: Plugin, config: Config, options: LoadOptions): Promise<readonly string[]> {
  const policy = {
    ...DEFAULT_POLICY,
    ...(plugin.onError === undefined ? {} : { onError: plugin.onError }),
    stateless: plugin.stateless === true,
    ...config.policy,
  };
  const lent = new Lending(bus, plugin.name, policy, {
    ...options.server,
    config: config.own,
    log: pluginLog(options.log, plugin.name),
    clock: options.clock,
  });
  const registering: unknown = whileRunning(runningMark(plugin.name, 'register'), () => plugin.register(lent.server));
  if (isThenable(registering) && (await within(registering, REGISTER_WITHIN)) === LATE)
    throw new Error(`register() did not end within ${REGISTER_WITHIN / 1000} s`);
  return lent.end();
}

/** The name of a folder or package, never a path outside the folders. */
const NAME = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;

async function importPlugin(name: string, options: LoadOptions): Promise<Plugin> {
  if (!NAME.test(name))
    throw new Error(
      'is not a plugin name; expected a folder name such as greylist, or a package name such as @scope/greylist',
    );
  const url = await locate(name, options);
  let module: { readonly default?: unknown };
  try {
    const imported = await within(import(url), REGISTER_WITHIN);
    if (imported === LATE) throw new Error(`its top-level await did not end within ${REGISTER_WITHIN / 1000} s`);
    module = imported as typeof module;
  } catch (error) {
    throw new Error(`could not be imported from ${placeOf(error, url)}: ${messageOf(error)}`, { cause: error });
  }
  return checkPlugin(module, fileURLToPath(url));
}

/** The file to show to the user, with the line if the stack contains it. */
function placeOf(error: unknown, url: string): string {
  const path = fileURLToPath(url);
  const stack = stackOf(error);
  const found = stack.indexOf(path);
  const line =
    found < 0 ? null : /^(?:\?changed=\d+)?:(\d+)/.exec(stack.slice(found + path.length, found + path.length + 60));
  return line === null ? path : `${path}:${line[1]}`;
}

async function locate(name: string, options: LoadOptions): Promise<string> {
  for (const directory of options.directories) {
    for (const file of ['index.ts', 'index.js']) {
      const path = join(directory, name, file);
      const found = await stat(path).catch(() => null);
      if (found === null || !found.isFile()) continue;
      // A query is only added for files changed since the process started: the compile cache works with unchanged URLs.
      const changed = found.ctimeMs > performance.timeOrigin ? `?changed=${Math.trunc(found.ctimeMs)}` : '';
      return `${pathToFileURL(path).href}${changed}`;
    }
  }
  const packages = options.configDirectory === null ? [] : [options.configDirectory];
  for (const base of packages) {
    try {
      return pathToFileURL(createRequire(join(base, 'package.json')).resolve(name)).href;
    } catch {
      // Not installed there.
    }
  }
  const there = await Promise.all(options.directories.map((directory) => readdir(directory).catch((): string[] => [])));
  const known = nearest(name, there.flat());
  throw new Error(
    `not found${known === undefined ? '.' : `; did you mean ${known}?`} Looked for ${name}/index.ts and ${name}/index.js in ${[...options.directories].join(', ')}, and for a package of that name in ${packages.join(', ') || 'no folder'}`,
  );
}

function checkPlugin(module: { readonly default?: unknown }, path: string): Plugin {
  const found = module.default;
  const expected = 'expected `export default definePlugin({ name, register(server) { … } })`';
  if (found === undefined)
    throw new Error(
      `${path} has no default export (it exports ${Object.keys(module).join(', ') || 'nothing'}); ${expected}`,
    );
  if (typeof found !== 'object' || found === null)
    throw new Error(`the default export of ${path} is a ${typeof found}; ${expected}`);
  const plugin = found as Partial<Plugin>;
  if (typeof plugin.name !== 'string' || plugin.name === '')
    throw new Error(`the default export of ${path} has no name; ${expected}`);
  if (typeof plugin.register !== 'function')
    throw new Error(`the default export of ${path} has no register function; ${expected}`);
  if (plugin.onError !== undefined && plugin.onError !== 'defer' && plugin.onError !== 'pass')
    throw new Error(`the default export of ${path} has an onError that is neither 'defer' nor 'pass'`);
  return found as Plugin;
}

interface Config {
  readonly policy: Partial<PluginPolicy>;
  readonly own: Readonly<Record<string, unknown>>;
}

/** `plugins.d/<name>.json`: `deadline` (seconds) and `onError` are for the bus, the rest for the plugin. */
async function readConfig(name: string, directory: string | null): Promise<Config> {
  if (directory === null) return { policy: {}, own: {} };
  const path = join(directory, 'plugins.d', `${name}.json`);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new Error(`${path} cannot be read: ${error.message}`);
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${messageOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`${path} must hold an object, such as { "onError": "pass" }`);
  const { deadline, onError, ...own } = value as Record<string, unknown>;
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0 && deadline <= 3600))
    throw new Error(`${path}: deadline must be a number of seconds from above 0 to 3600`);
  if (onError !== undefined && onError !== 'defer' && onError !== 'pass')
    throw new Error(`${path}: onError must be "defer" or "pass"`);
  return {
    policy: {
      ...(deadline === undefined ? {} : { deadline: deadline * 1000 }),
      ...(onError === undefined ? {} : { onError }),
    },
    own,
  };
}
