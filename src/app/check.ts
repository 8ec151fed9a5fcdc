/**
 * `posthorn check`: reads a configuration as a start does (including tables, zones, certificates and plugins), and
 * closes it again. Nothing is opened, created or changed; plugins are registered, as at a start, and then closed.
 */
import type { PluginFacts } from '../bus/bus.ts';
import type { Fault } from '../config/fault.ts';
import { StubResolver } from '../net/resolver.ts';
import { layFoundation } from './foundation.ts';
import { LateParts } from './late.ts';
import { examine } from './read.ts';

export interface Checked {
  /** Whether a start would fail. */
  readonly refused: boolean;
  /** Includes those of zones, which would not make a start fail. */
  readonly faults: readonly Fault[];
  /** Warnings, settings without effect and decisions, one line each. */
  readonly notes: readonly string[];
  /** In the order in which they are called; none where one of them is faulty. */
  readonly plugins: readonly PluginFacts[];
  /** Files of the folder that were read, relative to it. */
  readonly files: readonly string[];
  /** Paths that the configuration names and that exist, with the file of each. */
  readonly named: ReadonlyMap<string, string>;
}

/** `root`: where absolute paths begin. Rejects only if the folder, or a file in it, cannot be read at all. */
export async function checkConfiguration(
  configDirectory: string,
  dataDirectory: string,
  root?: string,
): Promise<Checked> {
  // As at a start: plugins cannot use the store or the log while registering. Here neither is ever opened.
  const { directory, messages, states, log } = new LateParts();
  const resolver = new StubResolver({ servers: [], local: () => null });
  try {
    const { read, faults, zoneFaults, notes, loaded } = await examine({
      configDirectory,
      root,
      dataDirectory,
      layFoundation: (configuration) =>
        layFoundation(configuration, { directory, messages, states, resolver, log, clock: Date.now }),
    });
    const plugins = read?.foundation.bus.plugins ?? [];
    await read?.foundation[Symbol.asyncDispose]();
    const { files, named } = loaded;
    return { refused: read === null, faults: [...faults, ...zoneFaults], notes, plugins, files, named };
  } finally {
    resolver.close();
  }
}
