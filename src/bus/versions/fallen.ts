/**
 * Versions of plugins that failed too often after they were promoted: noted in a file of the data folder, because the
 * server may not write its configuration. While such a version's code is unchanged, the one before it is used.
 */
import { NotedPlugins } from '../noted-plugins.ts';
import type { Errors } from './error-rate.ts';

export interface Fallen extends Errors {
  /** As the file `plugins` lists it. */
  readonly plugin: string;
  /** What was imported, and when its code was last changed, ms. */
  readonly path: string;
  readonly codeChanged: number;
  /** Milliseconds since 1970 UTC. */
  readonly at: number;
}

/** Of a server that serves; commands that only load plugins have none. */
export interface Versions {
  readonly fallen: readonly Fallen[];
  /** A promoted version fails too often: it is to be noted, and the plugins to be loaded again. */
  readonly onFall: (fallen: Fallen) => void;
}

const noted = new NotedPlugins<Fallen>('fallen-plugins.json', ({ plugin }) => plugin);

export const readFallen = (dataDirectory: string): readonly Fallen[] => noted.read(dataDirectory);

/** One entry for each plugin. Throws if the disk does not take it. */
export const addFallen = (dataDirectory: string, entry: Fallen): void => noted.add(dataDirectory, entry);

/** In one line, and what to do. */
export const fallenWords = ({ plugin, failures, calls, at }: Omit<Fallen, 'path' | 'codeChanged'>): string =>
  `its version before (${plugin}.before) is used, because ${failures} of the latest ${calls} calls of the promoted one failed until ${new Date(at).toISOString().slice(0, 19)}Z; mend plugins.d/${plugin} and "posthorn reload", or "posthorn plugin rollback ${plugin}"`;
