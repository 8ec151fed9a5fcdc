/**
 * Plugins that blocked the server: the watchdog notes them in a file of the data folder, and they are left out until a
 * reload. One whose failures count as a refusal is not missed silently: what it was asked about before is refused
 * temporarily.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { reply } from '../mail/status.ts';
import type { PluginFacts } from './bus.ts';
import type { About, Candidate } from './candidate.ts';
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

const fileIn = (dataDirectory: string): string => join(dataDirectory, 'left-out-plugins.json');

/** None where there is no such file, or nobody can read it. */
export function readLeftOut(dataDirectory: string): readonly LeftOut[] {
  try {
    return (JSON.parse(readFileSync(fileIn(dataDirectory), 'utf8')) as { readonly plugins: readonly LeftOut[] })
      .plugins;
  } catch {
    return [];
  }
}

/** One entry for each plugin. Throws if the disk does not take it. */
export function addLeftOut(dataDirectory: string, entry: LeftOut): void {
  const plugins = [...readLeftOut(dataDirectory).filter(({ file }) => file !== entry.file), entry];
  const path = fileIn(dataDirectory);
  writeFileSync(`${path}.new`, `${JSON.stringify({ plugins }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export const clearLeftOut = (dataDirectory: string): void => rmSync(fileIn(dataDirectory), { force: true });

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
