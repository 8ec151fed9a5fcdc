/** The DKIM keys by which mail of a domain is signed, as the plugin dkim-sign finds them. */
import { FaultyConfiguration, readConfiguration } from '../../bus/configuration/configuration.ts';
import type { Configuration } from '../../config/configuration.ts';
import { ConfigurationError } from '../../config/fault.ts';
import { readKeyFile } from '../../lookup/dkim/key-file.ts';
import { KeyFolder, keyFolder } from '../../lookup/dkim/key-folder.ts';
import { openTables, type TablePaths } from '../../lookup/dkim/opendkim-tables.ts';
import type { SigningKey } from '../../protocol/dkim/sign.ts';

const PLUGIN = 'dkim-sign';

export interface DomainKeys {
  readonly isEnabled: boolean;
  /** They are named by OpenDKIM's tables: none is made here. */
  readonly areGiven: boolean;
  readonly keys: readonly SigningKey[];
}

/** `make`: those that are missing. Rejects with a readable Error. */
export async function domainKeys(
  { plugins, directory, dataDirectory, resolvePath }: Configuration,
  domain: string,
  make: { readonly now: number } | null,
): Promise<DomainKeys> {
  const isEnabled = plugins.includes(PLUGIN);
  const { opendkim, algorithms } = await settingsOf(directory);
  if (opendkim !== undefined) {
    const rows = openTables(opendkim, resolvePath)
      .all()
      .filter((row) => row.domain === domain);
    const keys: SigningKey[] = [];
    for (const { selector, path } of rows) keys.push({ domain, selector, key: await readKeyFile(path) });
    return { isEnabled, areGiven: true, keys };
  }
  const folder = new KeyFolder(keyFolder(dataDirectory), algorithms);
  const keys = make === null ? await folder.all(domain) : await folder.signing(domain, make.now, () => {});
  return { isEnabled, areGiven: false, keys };
}

interface Settings {
  readonly opendkim?: TablePaths;
  readonly algorithms?: readonly ('rsa' | 'ed25519')[];
}

/** What is wrong in them, the plugin says. */
async function settingsOf(directory: string): Promise<Settings> {
  try {
    const { config } = await readConfiguration(PLUGIN, directory, undefined);
    return config as Settings;
  } catch (error) {
    if (error instanceof FaultyConfiguration) throw new ConfigurationError(error.faults);
    throw error;
  }
}
