/**
 * Several versions of a plugin of `plugins.d`: `NAME` is used; `NAME.next` is asked beside it and decides nothing; while
 * there is a `NAME.before`, the promoted `NAME` is watched, and given up for it if it fails too often.
 */
import { realpathSync } from 'node:fs';
import { dirname, sep } from 'node:path';
import { messageOf } from '../../errors.ts';
import type { Bus } from '../bus.ts';
import type { Candidate } from '../candidate.ts';
import { FaultyConfiguration, readSettings } from '../configuration/configuration.ts';
import { readPluginFile } from '../configuration/file.ts';
import type { Registrant } from '../lending.ts';
import { PluginHttp } from '../lent/http.ts';
import { pluginMetrics } from '../lent/metrics.ts';
import type { LoadOptions } from '../load-options.ts';
import { type Located, locateIn } from '../locate.ts';
import { pluginLog } from '../plugin-log.ts';
import { pluginState } from '../plugin-state.ts';
import { PluginWorker } from '../worker/plugin-worker.ts';
import { ErrorRate } from './error-rate.ts';
import { type Fallen, fallenWords } from './fallen.ts';
import { overlay, safeOnly, unsent } from './next-lent.ts';
import { Shadow, WAIT_MS } from './shadow.ts';

/** A version of a plugin, and the name of its configuration. */
export interface Version {
  readonly located: Located;
  readonly settingsName: string;
}

type Places = Pick<LoadOptions, 'directories' | 'ours' | 'configDirectory'>;

/** `which`: `next` or `before`. Null: there is none. Rejects as `locate` does. */
export async function otherVersion(listed: string, which: 'next' | 'before', places: Places): Promise<Version | null> {
  const name = `${listed}.${which}`;
  for (const directory of places.directories) {
    const located = directory === places.ours ? null : await locateIn(directory, name, places.ours);
    if (located === null) continue;
    const { file } = await readPluginFile(name, places.configDirectory);
    return { located, settingsName: file?.exists === false ? listed : name };
  }
  return null;
}

/** The one before a promoted one that failed; null: `promoted` did not, or there is none. */
export async function versionInstead(
  promoted: Located,
  listed: string,
  options: LoadOptions,
): Promise<{ readonly version: Version; readonly fallen: Fallen } | null> {
  const fallen = options.versions?.fallen.find(
    ({ plugin, path, codeChanged }) =>
      plugin === listed && path === promoted.path && codeChanged === promoted.codeChanged,
  );
  const version = fallen === undefined ? null : await otherVersion(listed, 'before', options);
  return fallen === undefined || version === null ? null : { version, fallen };
}

/** What is used. */
export interface Used {
  /** As the file `plugins` lists it. */
  readonly listed: string;
  readonly located: Located;
  readonly candidate: Candidate;
  /** It is the one before the promoted one. */
  readonly instead: Fallen | null;
}

/**
 * The other versions of a registered plugin. Never rejects: what is wrong with one that decides nothing is logged, and
 * the used one serves.
 */
export async function accompany(bus: Bus, used: Used, registrant: Registrant, options: LoadOptions): Promise<void> {
  const { versions, log, clock } = options;
  const { listed, located, candidate, instead } = used;
  if (versions === undefined) return;
  const plugin = candidate.about.name;
  if (instead !== null) {
    bus.describe(plugin, { fellBack: fallenWords(instead) });
    log.warn({ plugin }, `plugin ${plugin}: ${fallenWords(instead)}`);
  } else if (isTheirs(located, options) && (await otherVersion(listed, 'before', options).catch(() => null)) !== null) {
    const { path, codeChanged } = located;
    const rate = new ErrorRate((errors) =>
      versions.onFall({ plugin: listed, path, codeChanged, at: clock(), ...errors }),
    );
    bus.watch(plugin, (hasFailed) => rate.count(hasFailed));
  }
  try {
    const next = await otherVersion(listed, 'next', options);
    if (next === null) return;
    if (!isTheirs(located, options))
      throw new Error(`only a plugin of plugins.d can have one; ${plugin} is ${located.path}`);
    await startNext(bus, next, registrant, options);
  } catch (error) {
    const why =
      error instanceof FaultyConfiguration
        ? error.faults.map(({ file, line, message }) => `${file}${line > 0 ? `:${line}` : ''}: ${message}`).join('; ')
        : messageOf(error);
    bus.describe(plugin, { next: { file: null, why } });
    log.warn({ plugin }, `plugin ${plugin}: its next version does not run: ${why}`);
  }
}

/** In the folder that is the administrator's. */
function isTheirs({ path, isOurs }: Located, { directories }: Places): boolean {
  if (isOurs) return false;
  return directories.some((directory) => {
    try {
      return path.startsWith(`${realpathSync(directory)}${sep}`) || dirname(path) === directory;
    } catch {
      return false;
    }
  });
}

/** Always in a worker: it must not be able to block the server. */
async function startNext(
  bus: Bus,
  { located, settingsName }: Version,
  registrant: Registrant,
  options: LoadOptions,
): Promise<void> {
  const { configDirectory, clock, log } = options;
  const { plugin, policy, isActive } = registrant;
  const states = overlay(options.states);
  const { memory_mb: memoryMb } = await readSettings(settingsName, configDirectory);
  const source = { located, listed: settingsName, configDirectory };
  const candidate = await PluginWorker.open({ source, memoryMb, clock, log, states });
  try {
    const { name } = candidate.about;
    if (name !== plugin) throw new Error(`${located.path}: calls itself ${name}, not ${plugin}`);
    const http = new PluginHttp(plugin, safeOnly(options.http));
    bus.whenClosed(() => http.close());
    const own = pluginLog(log, `${plugin}.next`);
    const shadow = new Shadow({ plugin, file: located.path, log, clock, restrictions: bus.restrictions });
    const faults = await candidate.register(
      shadow,
      { plugin, isActive, file: located.path, policy: { ...policy, deadline: Math.min(policy.deadline, WAIT_MS) } },
      {
        ...options.server,
        send: unsent(own),
        state: pluginState(plugin, states, clock),
        http,
        metrics: pluginMetrics(`${plugin}.next`),
        log: own,
        clock,
      },
    );
    if (faults.length > 0) throw new Error(faults.join('; '));
    bus.accompany(plugin, shadow);
  } catch (error) {
    candidate.discard();
    throw error;
  }
}
