import { isInstance, messageOf } from '../errors.ts';
import { activationOf } from './activation.ts';
import { Bus, DEFAULT_POLICY } from './bus.ts';
import { openHere } from './candidate.ts';
import { FaultyConfiguration, readSettings } from './configuration/configuration.ts';
import { leftOutWords, standInFor } from './left-out.ts';
import type { Registrant } from './lending.ts';
import { PluginHttp } from './lent/http.ts';
import { pluginMetrics } from './lent/metrics.ts';
import type { LoadOptions } from './load-options.ts';
import { type Located, locate } from './locate.ts';
import { inOrder, type Ordered, orderWords } from './order.ts';
import { pluginLog } from './plugin-log.ts';
import { pluginState } from './plugin-state.ts';
import { accompany, otherVersion, type Used, versionInstead } from './versions/versions.ts';
import { PluginWorker } from './worker/plugin-worker.ts';

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
  const bus = new Bus(options);
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
  const registered: { readonly used: Used; readonly registrant: Registrant }[] = [];
  for (const one of 'circle' in ordered ? prepared : ordered) {
    try {
      const registrant = registrantOf(one, orderWords(one, prepared), options);
      for (const message of await register(bus, one, registrant, options)) faults.push({ plugin: one.listed, message });
      registered.push({ used: one, registrant });
    } catch (error) {
      refuse(one.listed, error);
    }
  }
  if (faults.length === 0) {
    for (const { used, registrant } of registered) await accompany(bus, used, registrant, options);
    return bus;
  }
  await bus.close();
  for (const { candidate } of prepared) candidate.discard();
  throw new PluginFaults(
    options.names.flatMap((name, i) =>
      options.names.indexOf(name) === i ? faults.filter(({ plugin }) => plugin === name) : [],
    ),
  );
}

/** A plugin whose code and configuration were read. */
interface Prepared extends Ordered, Used {}

/** Rejects with an Error, or with FaultyConfiguration. */
async function prepare(listed: string, options: LoadOptions): Promise<Prepared> {
  if (!NAME.test(listed))
    throw new Error(
      'is not a plugin name; expected a folder name such as greylist, or a package name such as @scope/greylist',
    );
  const opened = await open(listed, options);
  const { name, settings, after, before } = opened.candidate.about;
  return {
    listed,
    names: [listed, name],
    after: settings.after ?? after,
    before: settings.before ?? before,
    ...opened,
  };
}

/** With code that did not change while it was read: some of the files could be of another version. */
async function open(listed: string, options: LoadOptions): Promise<Omit<Used, 'listed'>> {
  const { configDirectory, clock, log, states } = options;
  const newest = await locate(listed, { ...options, base: configDirectory });
  const replaced = await versionInstead(newest, listed, options);
  const { located: first, settingsName } = replaced?.version ?? { located: newest, settingsName: listed };
  const instead = replaced?.fallen ?? null;
  const find = async (): Promise<Located> =>
    replaced === null
      ? locate(listed, { ...options, base: configDirectory })
      : ((await otherVersion(listed, 'before', options))?.located ?? first);
  let located = first;
  const { path, isOurs } = located;
  const gone = isOurs ? undefined : options.leftOut?.find(({ file }) => file === path);
  if (gone !== undefined) {
    log.warn({ plugin: gone.name }, `plugin ${gone.name}: ${leftOutWords(gone)}`);
    return { candidate: standInFor(gone, await readSettings(settingsName, configDirectory)), located, instead };
  }
  for (let tries = 1; tries <= MOST_READS; tries += 1) {
    const { worker = !located.isOurs, memory_mb: memoryMb } = await readSettings(settingsName, configDirectory);
    const source = { located, listed: settingsName, configDirectory };
    const candidate = worker
      ? await PluginWorker.open({ source, memoryMb, clock, log, states })
      : await openHere(source);
    const now = await find();
    if (now.codeChanged === located.codeChanged) return { candidate, located, instead };
    candidate.discard();
    located = now;
  }
  throw new Error(
    `${located.path}: its code changed ${MOST_READS} times while it was read; reload when it is complete`,
  );
}

/** Returns the errors in what the plugin registered. Rejects with whatever register() throws. */
function register(
  bus: Bus,
  { candidate }: Prepared,
  registrant: Registrant,
  options: LoadOptions,
): Promise<readonly string[]> {
  const { plugin } = registrant;
  const http = new PluginHttp(plugin, options.http);
  bus.whenClosed(() => http.close());
  bus.whenClosed(() => {
    const events = candidate.left?.() ?? [];
    if (events.length > 0)
      options.log.warn(
        { plugin },
        `plugin ${plugin}: its listeners on process (${events.join(', ')}) are still there after its close, and each reload adds more: remove them in server.onClose`,
      );
  });
  return candidate.register(bus, registrant, {
    ...options.server,
    send: (mail) => options.send(plugin, mail, candidate.about.mailsAMinute),
    state: pluginState(plugin, options.states, options.clock),
    http,
    metrics: pluginMetrics(plugin),
    log: pluginLog(options.log, plugin),
    clock: options.clock,
  });
}

function registrantOf({ candidate }: Prepared, order: readonly string[], options: LoadOptions): Registrant {
  const { name: plugin, settings, stateless, ...about } = candidate.about;
  const { domains, accounts, deadline, onError = about.onError } = settings;
  const activeFor = {
    ...(domains === undefined ? {} : { domains }),
    ...(accounts === undefined ? {} : { accounts }),
  };
  const policy = {
    ...DEFAULT_POLICY,
    ...(onError === undefined ? {} : { onError }),
    ...(deadline === undefined ? {} : { deadline: deadline * 1000 }),
    stateless,
    ...(order.length === 0 ? {} : { order }),
    ...(domains === undefined && accounts === undefined ? {} : { activeFor }),
  };
  const isActive = activationOf(activeFor, () => options.server.parameters);
  return { plugin, file: candidate.file, policy, isActive };
}

/** Of a plugin whose code changes meanwhile. */
const MOST_READS = 3;

/** The name of a folder or package, never a path outside the folders. */
const NAME = /^(?:@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;
