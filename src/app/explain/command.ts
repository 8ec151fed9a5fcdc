/** `posthorn explain` of a configuration that no server runs: read as a start reads it, and closed again. */
import { tmpdir } from 'node:os';
import type { Explanation, Hypothetical } from '../../admin/explanation.ts';
import type { Account } from '../../mail/account.ts';
import type { Directory } from '../../store/directory.ts';
import type { PluginStates } from '../../store/plugin-states.ts';
import { LateParts } from '../late.ts';
import { readAll } from '../read-all.ts';
import { explain } from './explain.ts';

export interface KnownDirectory {
  readonly accounts: readonly Account[];
  /** Made by command. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  readonly domains: readonly string[];
}

/** Rejects with ConfigurationError, or with OperationError if the question makes no sense. */
export async function explainConfiguration(
  asked: Hypothetical,
  configDirectory: string,
  dataDirectory: string,
  known: KnownDirectory,
): Promise<Explanation> {
  const late = new LateParts();
  const directory = knownDirectory(late.directory, known);
  late.openStore({ directory, pluginStates: NOTHING_KNOWN }, null);
  const options = { configDirectory, dataDirectory, printLog: false, onStop: () => {} };
  const { foundation } = await readAll(options, { ...late, directory, clock: Date.now });
  try {
    return await explain(asked, { foundation, directory, clock: Date.now, temporaryFolder: tmpdir() });
  } finally {
    await foundation[Symbol.asyncDispose]();
  }
}

/** Without a store, plugins remember nothing, and what they are asked changes nothing. */
const NOTHING_KNOWN: PluginStates = {
  get: async () => null,
  put: async () => true,
  keys: async () => [],
  entries: async () => [],
  sweep: async () => {},
};

/** Answers from what was read once; what would change it is refused by `otherwise`, which has no store. */
export function knownDirectory(otherwise: Directory, { accounts, aliases, domains }: KnownDirectory): Directory {
  const byAddress = new Map(accounts.map((account) => [account.address.toLowerCase(), account]));
  return {
    ...otherwise,
    find: async (address) => byAddress.get(address.toLowerCase()) ?? null,
    aliases: async () => aliases,
    domains: async () => domains,
  };
}
