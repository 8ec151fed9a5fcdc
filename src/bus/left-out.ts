/**
 * Plugins that blocked the server: the watchdog notes them in a file of the data folder, and they are left out until a
 * reload. One whose failures count as a refusal is not missed silently: what it was asked about before is refused
 * temporarily.
 */
import { rmSync } from 'node:fs';
import { reply } from '../mail/status.ts';
import type { PluginFacts } from './bus.ts';
import type { About, Candidate } from './candidate.ts';
import { NotedPlugins } from './noted-plugins.ts';
import { DUNNO, rejectWith } from './restriction.ts';
import { failureVerdict } from './verdict.ts';

/** What is known of it, and what it did. */
export interface LeftOut extends Pick<PluginFacts, 'name' | 'file' | 'hooks' | 'restrictions'> {
  readonly onError: 'defer' | 'pass';
  /** What was running: `hook mail`. */
  readonly running: string;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
}

const noted = new NotedPlugins<LeftOut>('left-out-plugins.json', ({ file }) => file);

export const readLeftOut = (dataDirectory: string): readonly LeftOut[] => noted.read(dataDirectory);

/** One entry for each plugin. Throws if the disk does not take it. */
export const addLeftOut = (dataDirectory: string, entry: LeftOut): void => noted.add(dataDirectory, entry);

export const clearLeftOut = (dataDirectory: string): void => rmSync(noted.fileIn(dataDirectory), { force: true });

/** In one line, and how it comes back. */
export function leftOutWords({ running, at, onError }: Pick<LeftOut, 'running' | 'at' | 'onError'>): string {
  const meanwhile = onError === 'defer' ? 'what it decided is answered 451 meanwhile' : 'it is not asked meanwhile';
  return `left out, because its ${running} blocked the server at ${new Date(at).toISOString().slice(0, 19)}Z; ${meanwhile}; "posthorn reload" brings it back`;
}

const AWAY = reply(451, '4.3.0', 'Error: service temporarily unavailable');

/** In the place of the plugin. Its code is not loaded. */
export function standInFor(entry: LeftOut, settings: About['settings']): Candidate {
  const { name, hooks, restrictions, onError } = entry;
  return {
    about: { name, onError, stateless: true, after: [], before: [], settings },
    file: entry.file ?? '',
    async register(bus, { plugin, file, policy, isActive }) {
      const place = bus.add(plugin, policy, { file, isActive, leftOut: leftOutWords(entry) });
      if (onError === 'defer')
        for (const { hook, priority } of hooks) place.on(hook, () => failureVerdict('defer'), { priority });
      const check = () => (onError === 'defer' ? rejectWith(AWAY) : DUNNO);
      for (const restriction of restrictions) place.define(restriction.toLowerCase(), { check });
      return [];
    },
    discard: () => {},
  };
}
