/**
 * Reads a configuration folder: main.cf, master.cf, dovecot.conf, named.conf, resolv.conf, plugins.
 *
 * Every file is optional. A folder with none of them runs the shipped configuration; one with only named.conf is a name
 * server. The errors of all files are reported together; with any error nothing starts.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { messageOf } from '../errors.ts';
import { portNamesOf } from '../lookup/ports.ts';
import type { Tables } from '../lookup/table.ts';
import type { BounceTemplates } from '../mail/bounce-template.ts';
import {
  type Choice,
  type ChoiceOptions,
  type ClientFiles,
  chooseChain,
  chooseClient,
  choosePairs,
  type NamedFile,
} from './certificates.ts';
import type { Configuration } from './configuration.ts';
import type { DovecotRead } from './dovecot/dovecot-conf.ts';
import { ConfigurationError, type Fault, formatFault } from './fault.ts';
import { findFolder, readText } from './folder.ts';
import { processFaults } from './front-processes.ts';
import { lmtpServices } from './lmtp-services.ts';
import { readNamed } from './named/files.ts';
import { PathResolver } from './paths.ts';
import { expandTemplates, readTemplates } from './postfix/bounce-templates.ts';
import { classWarnings } from './postfix/check-classes.ts';
import { limitFaults } from './postfix/check-limits.ts';
import { logFileFaults } from './postfix/check-log-file.ts';
import type { ParameterCheck } from './postfix/check-parameters.ts';
import { checkTables } from './postfix/check-tables.ts';
import { transportWarnings } from './postfix/check-transports.ts';
import { verifyMap } from './postfix/check-verify-map.ts';
import { unlessMacroError } from './postfix/macro.ts';
import type { Setting } from './postfix/main-cf.ts';
import { type MasterRow, parseMasterCf } from './postfix/master-cf.ts';
import { listenAddresses } from './postfix/own-networks.ts';
import { MainParameters } from './postfix/parameters-reader.ts';
import { checkValues, type LoadOptions, readMainCf } from './postfix/read-main-cf.ts';
import {
  endpointFaults,
  otherInternetRows,
  proxyNotes,
  serviceCollisions,
  servicesOf,
  unreadOverrides,
} from './postfix/services.ts';
import { programsOf } from './postfix/transports.ts';
import { pluginNames, readDovecot, readOwnOrShipped } from './read-files.ts';
import { parseResolvConf, systemResolvConf } from './resolv-conf.ts';
import { readTls } from './tls.ts';

export interface Loaded {
  readonly configuration: Configuration;
  /** Errors that make the start fail. */
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** What was decided where the files leave it open, one line each. */
  readonly notes: readonly string[];
  /** Files of the folder that were read, relative to it. */
  readonly files: readonly string[];
  /** Paths that the configuration names and that exist, with the file of each. */
  readonly named: ReadonlyMap<string, string>;
}

const OWN_FILES = ['main.cf', 'master.cf', 'dovecot.conf', 'named.conf', 'resolv.conf', 'plugins'];

/** For commands that act on the configuration: rejects with ConfigurationError if it is invalid. */
export async function requireConfiguration(options: LoadOptions): Promise<Loaded> {
  const loaded = await loadConfiguration(options);
  if (loaded.faults.length > 0) throw new ConfigurationError(loaded.faults);
  return loaded;
}

/**
 * Rejects only if the folder or a file in it cannot be read at all. If there are errors, the values are the defaults
 * and serve only to find more errors.
 */
export async function loadConfiguration(options: LoadOptions): Promise<Loaded> {
  const { directory, notes: folderNotes } = findFolder(resolve(options.directory));
  const paths = new PathResolver(directory, options.root);
  const has = (name: string): boolean => existsSync(join(directory, name));
  const hasMail = has('main.cf') || has('master.cf') || has('dovecot.conf');

  const { parameters, settings, rows, aliasTables, tables, checked, faults, warnings, verifyNotes } = readPostfix(
    directory,
    hasMail,
    paths,
    options,
  );
  const placeOf: PlaceOf = (name) => ({
    file: join(directory, 'main.cf'),
    line: settings.get(name)?.line ?? 0,
    parameter: name,
  });

  const listen = listenAddresses(parameters.list('inet_interfaces'), parameters.list('inet_protocols'));
  const dovecot = hasMail
    ? readOwnOrShipped(directory, 'dovecot.conf', (text, file) =>
        readDovecot(text, file, listen, (path) => paths.tell(path)),
      )
    : undefined;
  const resolvFile = join(directory, 'resolv.conf');
  const resolvText = readText(resolvFile);
  const resolv = parseResolvConf(resolvText ?? '', resolvFile);
  const { search, trustsAd } = resolvText === undefined ? systemResolvConf() : resolv;
  const ownDomain = options.hostname.split('.').slice(1).join('.');
  const named = has('named.conf') ? readNamed(join(directory, 'named.conf'), paths) : undefined;

  const dataDirectory = resolve(directory, parameters.string('data_directory'));
  const lmtp = dovecot === undefined ? undefined : lmtpServices(dovecot.dovecot, parameters, dataDirectory);
  const services = [
    ...servicesOf(faults.length === 0 ? rows : [], parameters, settings),
    ...(faults.length === 0 ? (lmtp?.services ?? []) : []),
  ];
  const programs = programsOf(
    faults.length === 0 ? rows : [],
    parameters,
    dataDirectory,
    new Set(dovecot?.dovecot.lmtpSockets.map(({ path }) => path)),
  );
  const where = { paths, dataDirectory, hostname: parameters.string('myhostname') };
  const smtpd = chooseSmtpd(parameters, placeOf, where);
  const mailbox = chooseMailbox(dovecot, smtpd, where);
  const clients = {
    smtp: chooseClient(clientFiles('smtp', parameters, placeOf), where),
    lmtp: chooseClient(clientFiles('lmtp', parameters, placeOf), where),
  };
  const tls = readTls({ services, dovecot: dovecot?.dovecot, parameters, paths, placeOf, trustsAd });
  const bounce = readBounceTemplates(parameters, paths, placeOf);
  const configuration: Configuration = {
    directory,
    dataDirectory,
    parameters,
    services,
    transports: programs.transports,
    spawned: programs.spawned,
    dovecot: dovecot?.dovecot ?? null,
    named: named?.config ?? null,
    namedFile: named === undefined ? null : join(directory, 'named.conf'),
    nameservers: resolv.nameservers,
    trustsAd,
    search: search.domains.length > 0 || ownDomain === '' ? search : { ...search, domains: [ownDomain] },
    plugins: readOwnOrShipped(directory, 'plugins', pluginNames),
    certificates: { smtpd: smtpd.choice, dovecot: mailbox.choice },
    clientCertificates: { smtp: clients.smtp.choice, lmtp: clients.lmtp.choice },
    tls,
    bounceTemplates: bounce.templates,
    unknownRestrictions: checked.unknownRestrictions,
    aliasTables,
    resolvePath: (path) => paths.resolve(path),
  };
  return {
    configuration,
    faults: inOrder([
      ...faults,
      ...processFaults(
        parameters,
        'front_processes' in (options.overrides ?? {})
          ? { file: 'given at start', line: 0, parameter: '--processes' }
          : placeOf('front_processes'),
      ),
      ...serviceCollisions(services, rows[0]?.file ?? 'master.cf'),
      ...(dovecot?.faults ?? []),
      ...(lmtp?.faults ?? []),
      ...programs.faults,
      ...resolv.faults,
      ...(named?.faults ?? []),
      // Both are the same choice if dovecot.conf names no certificate of its own.
      ...new Set([...smtpd.faults, ...mailbox.faults]),
      ...clients.smtp.faults,
      ...clients.lmtp.faults,
      ...tls.faults,
      ...bounce.faults,
    ]),
    warnings: inOrder([
      ...warnings,
      ...(faults.length === 0
        ? transportWarnings({ named: checked.tables, tables, rows, settings, parameters, programs })
        : []),
      ...(dovecot?.warnings ?? []),
      ...(lmtp?.warnings ?? []),
      ...tls.warnings,
      ...(named?.warnings ?? []),
    ]),
    notes: [
      ...folderNotes,
      ...(hasMail && !has('main.cf') ? [`${join(directory, 'main.cf')}: not found; using Postfix defaults`] : []),
      ...paths.notes,
      ...absenceNotes([smtpd, mailbox]),
      ...tls.notes.map(formatFault),
      ...checkNotes(checked, rows),
      ...verifyNotes.map(formatFault),
      ...proxyNotes(services).map(formatFault),
      ...(dovecot?.notes ?? []).map(formatFault),
      ...interfaceNotes(hasMail && !settings.has('inet_interfaces') && !parameters.isSet('inet_interfaces')),
      ...(named?.notes ?? []).map(formatFault),
    ],
    // Zones and tables are looked up later, so this list grows.
    get files() {
      return [...OWN_FILES.filter(has), ...paths.used];
    },
    named: paths.found,
  };
}

type PlaceOf = (name: string) => NamedFile['place'];

interface Postfix {
  /** From main.cf; only the defaults if there are errors, because invalid values cannot be used. */
  readonly parameters: MainParameters;
  /** From main.cf, as written. */
  readonly settings: ReadonlyMap<string, Setting>;
  readonly rows: readonly MasterRow[];
  readonly aliasTables: readonly string[];
  readonly tables: Pick<Tables, 'open'>;
  readonly checked: ParameterCheck;
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Where results of address verification are kept, if main.cf says so. */
  readonly verifyNotes: readonly Fault[];
}

/** main.cf and master.cf, checked against the parameter table, with the tables and files that they name. */
function readPostfix(directory: string, hasMail: boolean, paths: PathResolver, options: LoadOptions): Postfix {
  const { main, settings: ours, remarks, sources } = readMainCf(directory, paths, options);
  const master = hasMail ? readOwnOrShipped(directory, 'master.cf', parseMasterCf) : { rows: [], faults: [] };
  const written = new MainParameters({ ...sources, settings: ours });

  const checked = checkValues(ours, master.rows, written, sources.overrides);
  const aliasTables = aliasTablesOf(written);
  const tables = checkTables(checked.tables, (path) => paths.resolve(path), aliasTables);
  const unusable = [
    ...main.faults,
    ...remarks,
    ...master.faults,
    ...endpointFaults(
      master.rows,
      unlessMacroError(() => portNamesOf(written), new Map()),
    ),
    ...checked.faults,
    ...unreadableFiles(checked, paths),
    ...tables.faults,
  ];
  const cache = unusable.length === 0 ? verifyMap(written, ours) : { faults: [], notes: [] };
  const faults =
    unusable.length === 0
      ? [...limitFaults(written, ours), ...logFileFaults(written, ours), ...cache.faults]
      : unusable;
  return {
    parameters:
      faults.length === 0 ? written : new MainParameters({ ...sources, settings: new Map(), overrides: new Map() }),
    settings: main.settings,
    rows: master.rows,
    aliasTables,
    tables: tables.tables,
    checked,
    faults,
    verifyNotes: cache.notes,
    warnings: [
      ...main.warnings,
      ...checked.warnings,
      ...tables.warnings,
      ...(faults.length === 0 ? classWarnings(written, ours, tables.tables) : []),
    ],
  };
}

/** Files named by lists that do not exist or cannot be read. */
function unreadableFiles(checked: ParameterCheck, paths: PathResolver): Fault[] {
  return checked.files.flatMap(({ table, parameter, file, line }) => {
    const problem = fileProblem(paths.resolve(table));
    return problem === undefined ? [] : [{ file, line, parameter, message: problem }];
  });
}

/** Octets, because each template declares its charset. */
function readBounceTemplates(
  parameters: MainParameters,
  paths: PathResolver,
  placeOf: PlaceOf,
): { readonly templates: BounceTemplates; readonly faults: readonly Fault[] } {
  const path = parameters.string('bounce_template_file');
  const file = path === '' ? '' : paths.resolve(path);
  const message = path === '' ? undefined : fileProblem(file);
  const octets = path === '' || message !== undefined ? '' : readFileSync(file, 'latin1');
  const read = readTemplates(octets, file);
  const { templates, faults } = expandTemplates(read.templates, file, parameters);
  const missing = message === undefined ? [] : [{ ...placeOf('bounce_template_file'), message }];
  return { templates, faults: [...missing, ...read.faults, ...faults] };
}

function fileProblem(path: string): string | undefined {
  try {
    return readText(path) === undefined ? `${path}: there is no such file` : undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Sorted by file and line. */
function inOrder(faults: readonly Fault[]): Fault[] {
  const files = [...new Set(faults.map((fault) => fault.file))];
  return [...faults].sort((a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line);
}

/** The tables in the format of alias files. */
function aliasTablesOf(parameters: MainParameters): string[] {
  return unlessMacroError(() => [...parameters.list('alias_maps'), ...parameters.list('alias_database')], []);
}

const namedFile = (path: string, place: NamedFile['place']): NamedFile | undefined =>
  path === '' ? undefined : { path, place };

const CERTIFICATE_PAIRS = [
  ['smtpd_tls_cert_file', 'smtpd_tls_key_file'],
  ['smtpd_tls_eccert_file', 'smtpd_tls_eckey_file'],
] as const;

const CLIENT_CERTIFICATES = {
  smtp: {
    chain: 'smtp_tls_chain_files',
    pairs: [
      ['smtp_tls_cert_file', 'smtp_tls_key_file'],
      ['smtp_tls_eccert_file', 'smtp_tls_eckey_file'],
    ],
  },
  lmtp: {
    chain: 'lmtp_tls_chain_files',
    pairs: [
      ['lmtp_tls_cert_file', 'lmtp_tls_key_file'],
      ['lmtp_tls_eccert_file', 'lmtp_tls_eckey_file'],
    ],
  },
} as const;

function chooseSmtpd(parameters: MainParameters, placeOf: PlaceOf, where: ChoiceOptions): Choice {
  const chain = parameters
    .list('smtpd_tls_chain_files')
    .map((path): NamedFile => ({ path, place: placeOf('smtpd_tls_chain_files') }));
  if (chain.length > 0) return chooseChain(chain, where);
  const pairs = CERTIFICATE_PAIRS.flatMap((names) => {
    const [certificate, key] = names.map((name) => namedFile(parameters.string(name), placeOf(name)));
    return certificate === undefined ? [] : [{ certificate, key }];
  });
  return choosePairs(pairs, where);
}

/** What a client shows to servers that ask. */
function clientFiles(
  protocol: keyof typeof CLIENT_CERTIFICATES,
  parameters: MainParameters,
  placeOf: PlaceOf,
): ClientFiles {
  const { chain, pairs } = CLIENT_CERTIFICATES[protocol];
  const file = (name: (typeof pairs)[number][number]): NamedFile | undefined =>
    namedFile(parameters.string(name), placeOf(name));
  return {
    chain: parameters.list(chain).map((path): NamedFile => ({ path, place: placeOf(chain) })),
    pairs: pairs.flatMap(([certificate, key]) => {
      const named = file(certificate);
      return named === undefined ? [] : [{ certificate: named, key: file(key) }];
    }),
  };
}

/** SMTP's certificate if dovecot.conf names none. */
function chooseMailbox(read: DovecotRead | undefined, smtpd: Choice, where: ChoiceOptions): Choice {
  const certificate = read?.dovecot.sslCertificate;
  return certificate === undefined ? smtpd : choosePairs([{ certificate, key: read?.dovecot.sslKey }], where);
}

/** Configured files that do not exist, and what is used instead. */
function absenceNotes(choices: readonly Choice[]): string[] {
  const certificates = choices.flatMap(({ choice }) =>
    choice.kind === 'made' && choice.instead !== null
      ? [note(choice.instead, `using ${choice.files.certFile}, self-signed, instead`)]
      : [],
  );
  return [...new Set(certificates)];
}

const note = ({ path, place }: NamedFile, what: string): string =>
  formatFault({ ...place, message: `${path}: there is no such file; ${what}` });

/** Settings without effect, and rows of master.cf that are not supported. */
function checkNotes(checked: ParameterCheck, rows: readonly MasterRow[]): string[] {
  const others = otherInternetRows(rows).map(
    (row) => `${row.file}:${row.line}: ${row.service} (${row.command}): not served here`,
  );
  return [...checked.notes.map(formatFault), ...others, ...unreadOverrides(rows).map(formatFault)];
}

function interfaceNotes(isLeftOut: boolean): string[] {
  if (!isLeftOut) return [];
  return ['inet_interfaces is not set: listening on loopback only; "inet_interfaces = all" serves the network'];
}
