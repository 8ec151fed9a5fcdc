/**
 * Finds, checks and registers the plugins of `config/plugins` on a fresh bus.
 *
 * Either every plugin is registered, or the load fails with all errors at once and everything registered is closed
 * again. A plugin that changed since the last load is read again (locate.ts).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import { Bus, DEFAULT_POLICY, type PluginPolicy } from './bus.ts';
import { importPlugin, registerPlugin } from './import-plugin.ts';
import { Lending, type Lent } from './lending.ts';
import { type Located, locate } from './locate.ts';
import type { PluginMail, Server } from './plugin.ts';
import { pluginLog } from './plugin-log.ts';
import { pluginState } from './plugin-state.ts';
import { PluginWorker } from './worker/plugin-worker.ts';
import type { Imported } from './worker/registered.ts';

export interface LoadOptions {
  /** In the order in which they are called. */
  readonly names: readonly string[];
  /** Folders that contain a folder for each plugin, searched in this order: the built-in ones, then the operator's. */
  readonly directories: readonly string[];
  /** The one of the built-in ones: others run in workers, unless their configuration says something else. */
  readonly ours: string;
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
      if (!NAME.test(name))
        throw new Error(
          'is not a plugin name; expected a folder name such as greylist, or a package name such as @scope/greylist',
        );
      const located = await locate(name, { ...options, base: options.configDirectory });
      const config = await readConfig(name, options.configDirectory);
      for (const message of await register(bus, located, config, options)) faults.push({ plugin: name, message });
    } catch (error) {
      faults.push({ plugin: name, message: messageOf(error) });
    }
  }
  if (faults.length === 0) return bus;
  await bus.close();
  throw new PluginFaults(faults);
}

/** Returns the errors in what the plugin registered. Rejects with an Error if it cannot be used. */
async function register(bus: Bus, located: Located, config: Config, options: LoadOptions): Promise<readonly string[]> {
  const policyOf = ({ onError, stateless }: Omit<Imported, 'name'>): PluginPolicy => ({
    ...DEFAULT_POLICY,
    ...(onError === undefined ? {} : { onError }),
    stateless,
    ...config.policy,
  });
  const lentTo = (plugin: string): Lent => ({
    ...options.server,
    config: config.own,
    send: (mail) => options.send(plugin, mail),
    state: pluginState(plugin, options.states, options.clock),
    log: pluginLog(options.log, plugin),
    clock: options.clock,
  });
  const file = located.path;
  if (config.worker ?? !located.isOurs) {
    const { clock, log, states } = options;
    const { memoryMb, own, file: settings } = config;
    const { restrictions } = bus;
    const worker = await PluginWorker.start({
      located,
      config: own,
      memoryMb,
      policyOf,
      lentTo,
      states,
      restrictions,
      clock,
      log,
      settings,
    });
    worker.registerOn(bus.add(worker.registered.name, worker.policy, file, 'worker'));
    return worker.registered.faults;
  }
  const plugin = await importPlugin(located);
  const { onError, stateless } = plugin;
  const policy = policyOf({ onError, stateless: stateless === true });
  return registerPlugin(plugin, new Lending(bus, { plugin: plugin.name, file, policy }, lentTo(plugin.name)));
}

/** The name of a folder or package, never a path outside the folders. */
const NAME = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;

/** Of a plugin in a worker: its heap, and as much again outside of it. */
const DEFAULT_MEMORY_MB = 256;
/** What our own code and Node need in it. */
const LEAST_MEMORY_MB = 32;

interface Config {
  /** For people: where it is. */
  readonly file: string;
  readonly policy: Partial<PluginPolicy>;
  /** Undefined: by whose plugin it is. */
  readonly worker: boolean | undefined;
  readonly memoryMb: number;
  readonly own: Readonly<Record<string, unknown>>;
}

/**
 * `plugins.d/<name>.json`: `deadline` (seconds), `onError`, `worker` and `memory_mb` are for the bus, the rest for the
 * plugin.
 */
async function readConfig(name: string, directory: string | null): Promise<Config> {
  const file = `plugins.d/${name}.json`;
  if (directory === null) return { file, policy: {}, worker: undefined, memoryMb: DEFAULT_MEMORY_MB, own: {} };
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
  const {
    deadline,
    onError,
    worker,
    memory_mb: memoryMb = DEFAULT_MEMORY_MB,
    ...own
  } = value as Record<string, unknown>;
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0 && deadline <= 3600))
    throw new Error(`${path}: deadline must be a number of seconds from above 0 to 3600`);
  if (onError !== undefined && onError !== 'defer' && onError !== 'pass')
    throw new Error(`${path}: onError must be "defer" or "pass"`);
  if (worker !== undefined && typeof worker !== 'boolean') throw new Error(`${path}: worker must be true or false`);
  if (!(typeof memoryMb === 'number' && memoryMb >= LEAST_MEMORY_MB && memoryMb <= 1_048_576))
    throw new Error(`${path}: memory_mb must be a number of megabytes from ${LEAST_MEMORY_MB}`);
  return {
    file,
    worker,
    memoryMb,
    policy: {
      ...(deadline === undefined ? {} : { deadline: deadline * 1000 }),
      ...(onError === undefined ? {} : { onError }),
    },
    own,
  };
}
