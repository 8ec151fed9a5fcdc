/**
 * Finds, checks and registers the plugins of `config/plugins` on a fresh bus.
 *
 * Either every plugin is registered, or the load fails with all errors at once and everything registered is closed
 * again. A plugin that changed since the last load is read again (locate.ts).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { messageOf, stackOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { runningMark, whileRunning } from '../running.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import { Bus, DEFAULT_POLICY, type PluginPolicy } from './bus.ts';
import { Lending } from './lending.ts';
import { importLocated, locate } from './locate.ts';
import type { Plugin, PluginMail, Server } from './plugin.ts';
import { pluginLog } from './plugin-log.ts';
import { pluginState } from './plugin-state.ts';
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
  /** Accepts mail of a plugin; returns the queue ID. */
  readonly send: (plugin: string, mail: PluginMail) => Promise<string>;
  /** Where each plugin has a room of its own. */
  readonly states: PluginStates;
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
  for (const name of new Set(options.names)) {
    try {
      if (options.names.indexOf(name) !== options.names.lastIndexOf(name))
        throw new Error('is listed more than once; list it once');
      const imported = await importPlugin(name, options);
      const config = await readConfig(name, options.configDirectory);
      for (const message of await register(bus, imported, config, options)) faults.push({ plugin: name, message });
    } catch (error) {
      faults.push({ plugin: name, message: messageOf(error) });
    }
  }
  if (faults.length === 0) return bus;
  await bus.close();
  throw new PluginFaults(faults);
}

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
async function register(
  bus: Bus,
  { plugin, file }: Imported,
  config: Config,
  options: LoadOptions,
): Promise<readonly string[]> {
  const policy = {
    ...DEFAULT_POLICY,
    ...(plugin.onError === undefined ? {} : { onError: plugin.onError }),
    stateless: plugin.stateless === true,
    ...config.policy,
  };
  const lent = new Lending(
    bus,
    { plugin: plugin.name, file, policy },
    {
      ...options.server,
      config: config.own,
      send: (mail) => options.send(plugin.name, mail),
      state: pluginState(plugin.name, options.states, options.clock),
      log: pluginLog(options.log, plugin.name),
      clock: options.clock,
    },
  );
  const registering: unknown = whileRunning(runningMark(plugin.name, 'register'), () => plugin.register(lent.server));
  if (isThenable(registering) && (await within(registering, REGISTER_WITHIN)) === LATE)
    throw new Error(`register() did not end within ${REGISTER_WITHIN / 1000} s`);
  return lent.end();
}

/** The name of a folder or package, never a path outside the folders. */
const NAME = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;

interface Imported {
  readonly plugin: Plugin;
  readonly file: string;
}

async function importPlugin(name: string, options: LoadOptions): Promise<Imported> {
  if (!NAME.test(name))
    throw new Error(
      'is not a plugin name; expected a folder name such as greylist, or a package name such as @scope/greylist',
    );
  const located = await locate(name, { directories: options.directories, base: options.configDirectory });
  let module: { readonly default?: unknown };
  try {
    const imported = await within(importLocated(located), REGISTER_WITHIN);
    if (imported === LATE) throw new Error(`its top-level await did not end within ${REGISTER_WITHIN / 1000} s`);
    module = imported as typeof module;
  } catch (error) {
    const message = messageOf(error);
    throw new Error(`could not be imported from ${placeOf(error, located.path)}: ${message}${remedy(message)}`, {
      cause: error,
    });
  }
  return { plugin: checkPlugin(module, located.path), file: located.path };
}

/** The file to show to the user, with the line if the stack contains it. */
function placeOf(error: unknown, path: string): string {
  const stack = stackOf(error);
  const found = stack.indexOf(path);
  const line =
    found < 0 ? null : /^(?:\?changed=\d+)?:(\d+)/.exec(stack.slice(found + path.length, found + path.length + 60));
  return line === null ? path : `${path}:${line[1]}`;
}

/** What to do where Node took a file for the other kind of module. */
const remedy = (message: string): string =>
  /outside a module|Unexpected token 'export'/.test(message)
    ? `; the package.json above it says "type": "commonjs": write "type": "module" there, or let the file's name end in .mjs`
    : '';

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
