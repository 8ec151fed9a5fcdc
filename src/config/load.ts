/**
 * Reads a configuration folder: main.cf, master.cf, dovecot.conf, named.conf, resolv.conf, plugins.
 *
 * Every file is optional. A folder with none of them runs the shipped configuration; one with
 * named.conf alone is a name server. All faults of all files come at once; nothing starts with one.
 */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readAuthorities } from './authorities.ts';
import { type CertificateChoice, type ChosenCertificate, chooseCertificate } from './certificates.ts';
import { type CheckedSetting, checkParameters, type ParameterCheck } from './check-parameters.ts';
import { relayWarnings } from './check-relay.ts';
import { checkTables } from './check-tables.ts';
import { computedDefaults } from './computed-defaults.ts';
import type { Configuration } from './configuration.ts';
import type { DovecotRead } from './dovecot-conf.ts';
import { type Fault, formatFault } from './fault.ts';
import { findFolder, readText } from './folder.ts';
import { MacroError } from './macro.ts';
import { parseMainCf, type Setting } from './main-cf.ts';
import { type MasterRow, parseMasterCf } from './master-cf.ts';
import { type Interface, listenAddresses } from './own-networks.ts';
import { MainParameters } from './parameters-reader.ts';
import { createPathResolver, type PathResolver } from './paths.ts';
import { pluginNames, readDovecot, readNamed, readOwnOrShipped } from './read-files.ts';
import { parseResolvConf } from './resolv-conf.ts';
import { endpointFaults, otherInternetRows, servicesOf, smtpdRows } from './services.ts';

export interface LoadOptions {
  readonly directory: string;
  /** Values stronger than main.cf's. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** The machine's name, for `myhostname` where it is not set. */
  readonly hostname: string;
  /** The machine's addresses, for `mynetworks` where it is not set. */
  readonly interfaces: readonly Interface[];
}

export interface Loaded {
  readonly configuration: Configuration;
  /** Refuse the start. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** What was decided where the files left it open, one line each. */
  readonly notes: readonly string[];
  /** Files of the folder that were read, relative to it. */
  readonly files: readonly string[];
}

const OWN_FILES = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf', 'resolv.conf', 'plugins'];

/** Rejects only where the folder or a file in it cannot be read at all. */
export async function loadConfiguration(options: LoadOptions): Promise<Loaded> {
  const { directory, notes: folderNotes } = findFolder(resolve(options.directory));
  const paths = createPathResolver(directory);
  const has = (name: string): boolean => existsSync(join(directory, name));
  const hasMail = has('main.cf') || has('master.cf') || has('dovecot.conf');

  const { parameters, rows, aliasTables, checked, faults, warnings } = readPostfix(directory, hasMail, paths, options);

  const services = servicesOf(faults.length === 0 ? rows : [], parameters);
  const listen = listenAddresses(parameters.list('inet_interfaces'), parameters.list('inet_protocols'));
  const dovecot = hasMail ? readOwnOrShipped(directory, 'dovecot.conf', (text, file) => readDovecot(text, file, listen)) : undefined;
  const resolv = parseResolvConf(readText(join(directory, 'resolv.conf')) ?? '', join(directory, 'resolv.conf'));
  const named = has('named.conf') ? readNamed(join(directory, 'named.conf'), paths) : undefined;

  const dataDirectory = resolve(directory, parameters.string('data_directory'));
  const certificates = chooseCertificates(parameters, dovecot, { paths, dataDirectory, hostname: parameters.string('myhostname') });
  const authorities = readAuthorities(parameters.string('smtp_tls_CAfile'), paths);
  const configuration: Configuration = {
    directory,
    dataDirectory,
    parameters,
    services: services.services,
    dovecot: dovecot?.dovecot ?? null,
    named: named?.config ?? null,
    namedFile: named === undefined ? null : join(directory, 'named.conf'),
    nameservers: resolv.nameservers,
    plugins: readOwnOrShipped(directory, 'plugins', pluginNames),
    certificates: { smtpd: certificates.smtpd.files, dovecot: certificates.dovecot.files },
    authorities: authorities.certificates,
    unknownRestrictions: checked.unknownRestrictions,
    aliasTables,
    resolvePath: paths.resolve,
  };
  return {
    configuration,
    faults: inOrder([
      ...faults,
      ...services.faults,
      ...(dovecot?.faults ?? []),
      ...resolv.faults,
      ...(named?.faults ?? []),
      ...certificateFaults(certificates, directory),
      ...(authorities.fault === undefined ? [] : [{ file: join(directory, 'main.cf'), line: 0, parameter: 'smtp_tls_CAfile', message: authorities.fault }]),
    ]),
    warnings: inOrder([...warnings, ...relayWarnings(services.services, join(directory, 'main.cf')), ...(dovecot?.warnings ?? [])]),
    notes: [
      ...folderNotes,
      ...(hasMail && !has('main.cf') ? [`${join(directory, 'main.cf')}: not there, so that the defaults of Postfix count`] : []),
      ...paths.notes,
      ...certificateNotes(certificates),
      ...(authorities.note === undefined ? [] : [authorities.note]),
      ...checkNotes(checked, rows),
      ...interfaceNotes(parameters, hasMail),
      ...(named?.warnings ?? []),
    ],
    files: [...OWN_FILES.filter(has), ...paths.used],
  };
}

interface Postfix {
  /** Of main.cf; of the defaults alone where there are faults, as nothing can be built from values that do not fit their types. */
  readonly parameters: MainParameters;
  readonly rows: readonly MasterRow[];
  readonly aliasTables: readonly string[];
  readonly checked: ParameterCheck;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

/** main.cf and master.cf, checked against the table of parameters, with the tables and files that they name. */
function readPostfix(directory: string, hasMail: boolean, paths: PathResolver, options: LoadOptions): Postfix {
  const file = join(directory, 'main.cf');
  const main = parseMainCf(readText(file) ?? '', file);
  const master = hasMail ? readOwnOrShipped(directory, 'master.cf', parseMasterCf) : { rows: [], faults: [] };
  const overrides = new Map(Object.entries(options.overrides ?? {}));
  const computed = computedDefaults({ ...options, directory, paths });
  // What is wrong with a file that a list names is among the faults already: see `unreadableFiles`.
  const readFile = (path: string): string => (fileProblem(paths.resolve(path)) === undefined ? (readText(paths.resolve(path)) ?? '') : '');
  const written = new MainParameters({ settings: main.settings, overrides, computed, readFile });

  const settings = [...mainSettings(main.settings, written), ...overrideSettings(smtpdRows(master.rows), written), ...startSettings(overrides, written)];
  const checked = checkParameters(settings, new Set(master.rows.map((row) => row.service)));
  const aliasTables = aliasTablesOf(written);
  const tables = checkTables(checked.tables, paths.resolve, aliasTables);
  const faults = [...main.faults, ...master.faults, ...endpointFaults(master.rows), ...checked.faults, ...unreadableFiles(checked, paths), ...tables.faults];
  return {
    parameters: faults.length === 0 ? written : new MainParameters({ settings: new Map(), overrides: new Map(), computed, readFile }),
    rows: master.rows,
    aliasTables,
    checked,
    faults,
    warnings: [...main.warnings, ...checked.warnings, ...tables.warnings],
  };
}

/** Files that lists name and that are nowhere, or cannot be read. */
function unreadableFiles(checked: ParameterCheck, paths: PathResolver): Fault[] {
  return checked.files.flatMap(({ table, parameter, file, line }) => {
    const problem = fileProblem(paths.resolve(table));
    return problem === undefined ? [] : [{ file, line, parameter, message: problem }];
  });
}

function fileProblem(path: string): string | undefined {
  try {
    return readText(path) === undefined ? `${path}: there is no such file` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** File by file, line by line. */
function inOrder(faults: readonly Fault[]): Fault[] {
  const files = [...new Set(faults.map((fault) => fault.file))];
  return [...faults].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

function mainSettings(settings: ReadonlyMap<string, Setting>, reader: MainParameters): CheckedSetting[] {
  return [...settings.values()].map((setting) => ({ ...setting, lineOf: (offset: number) => setting.lineOf(offset), reader }));
}

function overrideSettings(rows: readonly MasterRow[], main: MainParameters): CheckedSetting[] {
  return rows.flatMap((row) => {
    const reader = main.withOverrides(row.overrides.map(({ name, value }) => [name, value] as const));
    return row.overrides.map(({ name, value, line }) => ({ name, value, file: row.file, lineOf: () => line, reader }));
  });
}

/** Values that whoever starts the house gave. */
function startSettings(overrides: ReadonlyMap<string, string>, reader: MainParameters): CheckedSetting[] {
  return [...overrides].map(([name, value]) => ({ name, value, file: 'given at start', lineOf: () => 0, reader }));
}

/** The tables in the format of alias files. */
function aliasTablesOf(parameters: MainParameters): string[] {
  try {
    return [...parameters.list('alias_maps'), ...parameters.list('alias_database')];
  } catch (error) {
    // Already among the faults.
    if (error instanceof MacroError) return [];
    throw error;
  }
}

interface Certificates {
  readonly smtpd: ChosenCertificate;
  readonly dovecot: ChosenCertificate;
}

function chooseCertificates(parameters: MainParameters, dovecot: DovecotRead | undefined, where: Omit<CertificateChoice, 'certificate' | 'key'>): Certificates {
  const named = ['smtpd_tls_cert_file', 'smtpd_tls_eccert_file'].map((name) => parameters.string(name)).find((file) => file !== '');
  const keyName = parameters.string('smtpd_tls_cert_file') === '' ? 'smtpd_tls_eckey_file' : 'smtpd_tls_key_file';
  const chain = parameters.list('smtpd_tls_chain_files')[0];
  const smtpd = chooseCertificate({ ...where, certificate: chain ?? named, key: chain ?? parameters.string(keyName) });
  const own = dovecot?.dovecot.sslCertificate;
  return { smtpd, dovecot: own === undefined ? smtpd : chooseCertificate({ ...where, certificate: own, key: dovecot?.dovecot.sslKey }) };
}

function certificateFaults({ smtpd, dovecot }: Certificates, directory: string): Fault[] {
  const found = new Map([
    // One certificate for both is a fault of main.cf, which comes last and counts.
    [dovecot.fault, 'dovecot.conf'],
    [smtpd.fault, 'main.cf'],
  ]);
  return [...found].flatMap(([message, file]) => (message === undefined ? [] : [{ file: join(directory, file), line: 0, message }]));
}

const certificateNotes = ({ smtpd, dovecot }: Certificates): string[] => [...new Set([smtpd.note, dovecot.note])].filter((note) => note !== undefined);

/** Settings without effect, and rows of master.cf that nothing here does. */
function checkNotes(checked: ParameterCheck, rows: readonly MasterRow[]): string[] {
  const others = otherInternetRows(rows).map((row) => `${row.file}:${row.line}: ${row.service} (${row.command}): not served here`);
  return [...checked.notes.map(formatFault), ...others];
}

function interfaceNotes(parameters: MainParameters, hasMail: boolean): string[] {
  if (!hasMail || parameters.isSet('inet_interfaces')) return [];
  return ['inet_interfaces is not set: listening on loopback only; "inet_interfaces = all" serves the network'];
}
