/**
 * `posthorn check`: reads a configuration as a start does (tables, zones, certificates and plugins too), and
 * closes it again. Nothing is opened, made or changed; a plugin is registered, as at a start, and then closed.
 */
import type { Fault } from '../config/fault.ts';
import { StubResolver } from '../net/resolver.ts';
import { layFoundation } from './foundation.ts';
import { LateParts } from './late.ts';
import { examineHouse } from './read.ts';

export interface Checked {
  /** Whether a start would be refused. */
  readonly refused: boolean;
  /** Those of zones too, which a start would go on without. */
  readonly faults: readonly Fault[];
  /** Warnings, and what does not act or was decided, one line each. */
  readonly notes: readonly string[];
}

/** Rejects only where the folder, or a file in it, cannot be read at all. */
export async function checkConfiguration(configDirectory: string, dataDirectory: string): Promise<Checked> {
  // As at a start: no plugin can ask the store, or write to the log, while it is registered. Here neither is ever
  // opened.
  const { directory, log } = new LateParts();
  const resolver = new StubResolver({ servers: [], local: () => null });
  try {
    const { read, faults, zoneFaults, notes } = await examineHouse({
      configDirectory,
      dataDirectory,
      layFoundation: (configuration) => layFoundation(configuration, { directory, resolver, log, clock: Date.now }),
    });
    await read?.foundation[Symbol.asyncDispose]();
    return { refused: read === null, faults: [...faults, ...zoneFaults], notes };
  } finally {
    resolver.close();
  }
}
