/**
 * Finds, checks and registers the plugins of `config/plugins` on a fresh bus.
 *
 * Either every plugin is registered, or the load fails with all errors at once and everything registered is closed
 * again. A plugin that changed since the last load is read again (locate.ts).
 */
import type { Clock } from '../clock.ts';
import { isInstance, messageOf, stackOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { runningMark, whileRunning } from '../running.ts';
import type { PluginStates } from '../store/plugin-states.ts';
import { activationOf } from './activation.ts';
import { Bus, DEFAULT_POLICY } from './bus.ts';
import type { BusSettings } from './configuration/bus-keys.ts';
import { FaultyConfiguration, readConfiguration } from './configuration/configuration.ts';
import type { Values } from './configuration/file.ts';
import type { ConfigSchema } from './configuration/schema.ts';
import { Lending } from './lending.ts';
import { type HttpSend, PluginHttp } from './lent/http.ts';
import { pluginMetrics } from './lent/metrics.ts';
import { importLocated, locate } from './locate.ts';
import { inOrder, type Ordered, orderWords } from './order.ts';
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
   * The configuration folder, for `plugins.d/<name>.json` (or .toml …) and for packages installed beside it; null if there is none.
   */
  readonly configDirectory: string | null;
  /** The services passed to every plugin. */
  readonly server: Pick<
    Server,
    'parameters' | 'tables' | 'domains' | 'resolver' | 'verifications' | 'directory' | 'resolvePath' | 'connectLocal'
  >;
  /** Accepts mail of a plugin; returns the queue ID. */
  readonly send: (plugin: string, mail: PluginMail) => Promise<string>;
  /** Sends the requests of plugins. */
  readonly http: HttpSend;
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
  /** Where it is, if it is in the plugin's configuration file. */
  readonly file?: string;
  /** 0 for the file as a whole. */
  readonly line?: number;
  readonly message: string;
}

const placeWords = ({ file, line }: PluginFault): string =>
  file === undefined ? '' : `${file}${line === undefined || line === 0 ? '' : `:${line}`}: `;

/** Makes a start or reload fail. */
export class PluginFaults extends Error {
  override readonly name = 'PluginFaults';
  readonly faults: readonly PluginFault[];
  constructor(faults: readonly PluginFault[]) {
    super(faults.map((fault) => `plugin ${fault.plugin}: ${placeWords(fault)}${fault.message}`).join('\n'));
    this.faults = faults;
  }
}

/** Throws PluginFaults. */
export async function loadPlugins(options: LoadOptions): Promise<Bus> {
  const bus = new Bus({ log: options.log, clock: options.clock });
  const faults: PluginFault[] = [];
  const prepared: Prepared[] = [];
  const refuse = (plugin: string, error: unknown): void =>
    void faults.push(
      ...(isInstance(error, FaultyConfiguration)
        ? error.faults.map((fault) => ({ plugin, ...fault }))
        : [{ plugin, message: messageOf(error) }]),
    );
  for (const name of new Set(options.names)) {
    try {
      if (options.names.indexOf(name) !== options.names.lastIndexOf(name))
        throw new Error('is listed more than once; list it once');
      prepared.push(await prepare(name, options));
    } catch (error) {
      refuse(name, error);
    }
  }
  const ordered = inOrder(prepared);
  if ('circle' in ordered) {
    const [first = ''] = ordered.circle;
    refuse(
      first,
      new Error(`cannot be ordered: by "after" and "before", ${[...ordered.circle, first].join(' comes before ')}`),
    );
  }
  for (const one of 'circle' in ordered ? prepared : ordered) {
    try {
      for (const message of await register(bus, one, orderWords(one, prepared), options))
        faults.push({ plugin: one.listed, message });
    } catch (error) {
      refuse(one.listed, error);
    }
  }
  if (faults.length === 0) return bus;
  await bus.close();
  throw new PluginFaults(
    options.names.flatMap((name, i) =>
      options.names.indexOf(name) === i ? faults.filter(({ plugin }) => plugin === name) : [],
    ),
  );
}

/** A plugin whose code and configuration were read. */
interface Prepared extends Imported, Ordered {
  /** The name as listed. */
  readonly listed: string;
  readonly settings: BusSettings;
  /** What its schema made of its configuration. */
  readonly config: Values;
}

/** Rejects with an Error, or with FaultyConfiguration. */
async function prepare(name: string, options: LoadOptions): Promise<Prepared> {
  const imported = await importPlugin(name, options);
  const { plugin } = imported;
  const { settings, config } = await readConfiguration(name, options.configDirectory, plugin.config);
  return {
    ...imported,
    listed: name,
    names: [name, plugin.name],
    after: settings.after ?? plugin.after ?? [],
    before: settings.before ?? plugin.before ?? [],
    settings,
    config,
  };
}

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
async function register(
  bus: Bus,
  { plugin, file, settings, config }: Prepared,
  order: readonly string[],
  options: LoadOptions,
): Promise<readonly string[]> {
  const { domains, accounts, deadline, onError = plugin.onError } = settings;
  const activeFor = {
    ...(domains === undefined ? {} : { domains }),
    ...(accounts === undefined ? {} : { accounts }),
  };
  const policy = {
    ...DEFAULT_POLICY,
    ...(onError === undefined ? {} : { onError }),
    ...(deadline === undefined ? {} : { deadline: deadline * 1000 }),
    stateless: plugin.stateless === true,
    ...(order.length === 0 ? {} : { order }),
    ...(domains === undefined && accounts === undefined ? {} : { activeFor }),
  };
  const http = new PluginHttp(plugin.name, options.http);
  const lent = new Lending(
    bus,
    { plugin: plugin.name, file, policy, isActive: activationOf(activeFor, () => options.server.parameters) },
    {
      ...options.server,
      config,
      send: (mail) => options.send(plugin.name, mail),
      state: pluginState(plugin.name, options.states, options.clock),
      jobStates: options.states,
      http,
      metrics: pluginMetrics(plugin.name),
      log: pluginLog(options.log, plugin.name),
      clock: options.clock,
    },
  );
  lent.server.onClose(() => http.close());
  const registering: unknown = whileRunning(runningMark(plugin.name, 'register'), () => plugin.register(lent.server));
  if (isThenable(registering) && (await within(registering, REGISTER_WITHIN)) === LATE)
    throw new Error(`register() did not end within ${REGISTER_WITHIN / 1000} s`);
  return lent.end();
}

/** The name of a folder or package, never a path outside the folders. */
const NAME = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;

interface Imported {
  readonly plugin: Plugin<ConfigSchema | undefined>;
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

function checkPlugin(module: { readonly default?: unknown }, path: string): Plugin<ConfigSchema | undefined> {
  const found = module.default;
  const expected = 'expected `export default definePlugin({ name, register(server) { … } })`';
  if (found === undefined)
    throw new Error(
      `${path} has no default export (it exports ${Object.keys(module).join(', ') || 'nothing'}); ${expected}`,
    );
  if (typeof found !== 'object' || found === null)
    throw new Error(`the default export of ${path} is a ${typeof found}; ${expected}`);
  const plugin = found as Partial<Plugin<ConfigSchema | undefined>>;
  if (typeof plugin.name !== 'string' || plugin.name === '')
    throw new Error(`the default export of ${path} has no name; ${expected}`);
  if (typeof plugin.register !== 'function')
    throw new Error(`the default export of ${path} has no register function; ${expected}`);
  for (const key of ['after', 'before'] as const) {
    const names: unknown = plugin[key];
    if (names !== undefined && !(Array.isArray(names) && names.every((one) => typeof one === 'string')))
      throw new Error(`the default export of ${path} has names in ${key} that are no list of plugins' names`);
  }
  if (
    plugin.config !== undefined &&
    ((typeof plugin.config !== 'object' && typeof plugin.config !== 'function') || plugin.config === null)
  )
    throw new Error(
      `the default export of ${path} has a config that is no schema; expected { word: setting.text() }, or a schema`,
    );
  if (plugin.onError !== undefined && plugin.onError !== 'defer' && plugin.onError !== 'pass')
    throw new Error(`the default export of ${path} has an onError that is neither 'defer' nor 'pass'`);
  return found as Plugin<ConfigSchema | undefined>;
}
