/**
 * Reads everything in a configuration folder: its files, zones, certificates and plugins, so that a start or reload
 * fails with every error at once, before anything is created or changed.
 */
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { NamedSource } from '../config/certificates.ts';
import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError, type Fault, formatFault } from '../config/fault.ts';
import { type Loaded, loadConfiguration } from '../config/load.ts';
import { thisMachine } from '../config/machine.ts';
import { type LoadedZones, loadZones, type ZoneFiles } from '../server/dns/load-zones.ts';
import type { ZoneOptions } from '../server/dns/zones.ts';
import type { Foundation } from './foundation.ts';
import { certificateFaults } from './identity.ts';

export interface ReadOptions {
  readonly configDirectory: string;
  /** Where absolute paths begin. */
  readonly root?: string | undefined;
  readonly dataDirectory: string;
  /** Overrides inet_interfaces. */
  readonly address?: string | undefined;
  /** Overrides front_processes. */
  readonly processes?: number | undefined;
  /** Loads the plugins and their services. Rejects with ConfigurationError. */
  layFoundation(configuration: Configuration): Promise<Foundation>;
}

export interface Read {
  readonly configuration: Configuration;
  readonly foundation: Foundation;
  /** A zone with errors has no content; its errors do not make a start fail. */
  readonly zones: LoadedZones;
  /** The names of the configuration files that were read. */
  readonly files: readonly string[];
  /** Warnings and decisions, one line each. */
  readonly notes: readonly string[];
}

/** Rejects with ConfigurationError. */
export async function readForStart(options: ReadOptions): Promise<Read> {
  const { read, faults, zoneFaults } = await examine(options);
  // Zone errors alone would not make a start fail; they are reported together with the others.
  if (read === null) throw new ConfigurationError([...faults, ...zoneFaults]);
  return read;
}

export interface Examined {
  /** Null if a start would fail. */
  readonly read: Read | null;
  /** Errors that make a start fail. */
  readonly faults: readonly Fault[];
  /** Errors of zones that would answer SERVFAIL. */
  readonly zoneFaults: readonly Fault[];
  /** Warnings and decisions, one line each. */
  readonly notes: readonly string[];
  readonly loaded: Pick<Loaded, 'files' | 'named'>;
}

/** Everything that a start would report about its configuration. */
export async function examine(options: ReadOptions): Promise<Examined> {
  const { configDirectory, root, dataDirectory, address, processes } = options;
  const loaded = await loadConfiguration({
    directory: configDirectory,
    root,
    overrides: {
      data_directory: dataDirectory,
      ...(address === undefined ? {} : { inet_interfaces: address }),
      ...(processes === undefined ? {} : { front_processes: String(processes) }),
    },
    ...thisMachine(),
  });
  const { configuration } = loaded;
  const zones = loadZones(configuredZones(configuration), zoneFiles(configuration));
  const zoneFaults = zones.faults.map(({ file, line, message }) => ({ file, line, message }));
  const faults: Fault[] = [...loaded.faults, ...(await certificateFaults(configuration))];
  const foundation = await options.layFoundation(configuration).catch((error: unknown) => {
    if (!(error instanceof ConfigurationError)) throw error;
    faults.push(...error.faults);
    return null;
  });
  // If there are errors, the plugins saw the defaults, so what they found there is not the user's configuration.
  const found = loaded.faults.length > 0 ? null : foundation;
  const warnings = [...loaded.warnings, ...(found?.warnings ?? []), ...zones.warnings].map(
    (warning) => `warning: ${formatFault(warning)}`,
  );
  const notes = [...warnings, ...(found?.notes ?? []).map(formatFault), ...loaded.notes];
  if (faults.length === 0 && foundation !== null)
    return {
      read: { configuration, foundation, zones, files: loaded.files, notes },
      faults,
      zoneFaults,
      notes,
      loaded,
    };
  await foundation?.[Symbol.asyncDispose]();
  return { read: null, faults, zoneFaults, notes, loaded };
}

type Named = Pick<Configuration, 'named' | 'resolvePath'>;

/** The zones of named.conf, with the actual paths of their files. */
export function configuredZones({ named, resolvePath }: Named): ZoneOptions[] {
  return (named?.zones ?? []).map((zone) => ({ ...zone, file: zone.file === null ? null : resolvePath(zone.file) }));
}

/**
 * BIND looks for an included file in its `directory`; beside the zone file is the other place where people expect it.
 */
export const zoneFiles = ({ named, resolvePath }: Named): ZoneFiles => ({
  read: (file) => readFileSync(file, 'latin1'),
  find(included, zoneFile) {
    if (isAbsolute(included)) return resolvePath(included);
    const found = resolvePath(join(named?.directory ?? '', included));
    return existsSync(found) ? found : join(dirname(zoneFile), included);
  },
});

/** Configuration files that this process may not read: a reload would fail. */
export function unreadable(
  { directory, certificates, clientCertificates }: Configuration,
  files: readonly string[],
): string[] {
  // Keys may be readable by root only: those read at the start stay in use.
  const choices = [...Object.values(certificates), ...Object.values(clientCertificates).filter((one) => one !== null)];
  const keys = choices.flatMap((choice) =>
    choice.kind === 'made' ? Object.values(choice.files) : filesOf(choice.source),
  );
  return files
    .map((file) => join(directory, file))
    .filter((path) => {
      if (keys.includes(path)) return false;
      try {
        accessSync(path, constants.R_OK);
        return false;
      } catch {
        return true;
      }
    });
}

const filesOf = (source: NamedSource): readonly string[] =>
  'chainFiles' in source
    ? source.chainFiles
    : source.alternatives.flatMap(({ certFile, keyFile }) => [certFile, keyFile]);
