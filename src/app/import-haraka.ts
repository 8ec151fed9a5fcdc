/**
 * `posthorn import haraka DIR`: Haraka's folder becomes one of ours. Its plugins read their files where they read them
 * before, so `config` and `plugins` are copied as they are; what its server does is ours, and said in main.cf.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readIni } from '../bus/configuration/ini.ts';
import { bring, type ImportedFile } from './import-configuration.ts';

export interface HarakaImportOptions {
  readonly from: string;
  readonly to: string;
  readonly copyKeys: boolean;
}

export interface HarakaSetting {
  /** `smtp.ini: main.listen`, or a file. */
  readonly name: string;
  /** A line for main.cf; null if it is no parameter's. */
  readonly line: string | null;
  /** What becomes of it. */
  readonly here: string;
}

export interface HarakaReport {
  readonly settings: readonly HarakaSetting[];
  readonly files: readonly ImportedFile[];
  /** Lines of main.cf that were written to a new file; empty if there was one, which the user changes. */
  readonly written: readonly string[];
}

/** Files that plugins read, and no others: never a queue or a log. */
const FOLDERS = ['config', 'plugins'];
/** Files of one folder; more is no configuration. */
const MOST_FILES = 10_000;

type Values = (file: string, setting?: string) => string | null;

interface Row {
  readonly file: string;
  /** `section.name` of an INI file; none: the file's first line, or all of its lines. */
  readonly setting?: string;
  readonly parameter?: string;
  readonly value?: (given: string) => string;
  readonly here?: string;
}

const commaList = (text: string): string => text.split('\n').join(', ');
const PORTS = 'each port is a row of master.cf: smtp, submission, smtps';
const QUEUE = "the queue is Posthorn's: see the retry and concurrency parameters of main.cf";

const ROWS: readonly Row[] = [
  { file: 'me', parameter: 'myhostname' },
  { file: 'host_list', parameter: 'mydestination', value: commaList },
  { file: 'databytes', parameter: 'message_size_limit' },
  { file: 'connection.ini', setting: 'max.bytes', parameter: 'message_size_limit' },
  {
    file: 'connection.ini',
    setting: 'max.line_length',
    here: 'line_length_limit is for messages; commands may have 12288 octets',
  },
  { file: 'connection.ini', setting: 'headers.max_received', parameter: 'hopcount_limit' },
  {
    file: 'connection.ini',
    setting: 'haproxy.hosts',
    here: 'write -o smtpd_upstream_proxy_protocol=haproxy to the row of master.cf',
  },
  {
    file: 'connection.ini',
    setting: 'message.greeting',
    parameter: 'smtpd_banner',
    value: (text) => `$myhostname ESMTP ${text.split('\n', 1).join('')}`,
  },
  {
    file: 'smtpgreeting',
    parameter: 'smtpd_banner',
    value: (text) => `$myhostname ESMTP ${text.split('\n', 1).join('')}`,
  },
  { file: 'max_received_count', parameter: 'hopcount_limit' },
  { file: 'smtp.ini', setting: 'main.listen', here: PORTS },
  { file: 'smtp.ini', setting: 'main.port', here: PORTS },
  { file: 'smtp.ini', setting: 'main.smtps_port', here: PORTS },
  { file: 'smtp.ini', setting: 'main.inactivity_timeout', parameter: 'smtpd_timeout', value: (text) => `${text}s` },
  { file: 'smtp.ini', setting: 'main.nodes', here: 'write front_processes to main.cf to use several processes' },
  { file: 'smtp.ini', setting: 'main.user', here: 'write mail_owner to main.cf' },
  { file: 'tls.ini', setting: 'main.cert', here: 'write smtpd_tls_cert_file to main.cf' },
  { file: 'tls.ini', setting: 'main.key', here: 'write smtpd_tls_key_file to main.cf' },
  { file: 'tls_cert.pem', here: 'write smtpd_tls_cert_file to main.cf' },
  { file: 'tls_key.pem', here: 'write smtpd_tls_key_file to main.cf' },
  {
    file: 'relay_acl_allow',
    here: 'clients that may relay: write permit_haraka_relaying before reject_unauth_destination to smtpd_relay_restrictions',
  },
  { file: 'xclient.hosts', here: 'write smtpd_authorized_xclient_hosts to main.cf' },
  { file: 'auth_flat_file.ini', here: 'each user needs an account here, of any password: posthorn user add' },
  { file: 'outbound.ini', here: QUEUE },
  { file: 'lmtp.ini', here: 'write transport_maps or a transport of master.cf: Haraka’s own queue is not used' },
];

/** Plugins of Haraka's list that the server replaces. */
const REPLACED: Readonly<Record<string, string>> = {
  tls: 'STARTTLS is the server’s: smtpd_tls_security_level of main.cf',
  xclient: 'XCLIENT is the server’s: smtpd_authorized_xclient_hosts of main.cf',
  status: 'posthorn status and posthorn queue',
  'queue/lmtp': 'a transport of master.cf: Haraka’s own queue is not used',
  'queue/deliver': 'mailboxes are the server’s',
};

/** Rejects with a readable Error. */
export function importHaraka({ from, to, copyKeys }: HarakaImportOptions): HarakaReport {
  if (!existsSync(join(from, 'config')))
    throw new Error(`${from}: there is no folder config; expected the folder that haraka -i made`);
  const values = valuesOf(join(from, 'config'));
  const settings = [...ROWS.flatMap((row) => settingOf(row, values)), ...pluginsOf(values)];
  const files = FOLDERS.flatMap((folder) => filesBelow(join(from, folder))).map((file) => {
    const name = relative(from, file);
    return bring({ name, file, target: join('haraka', name) }, { to, copyKeys });
  });
  const lines = [
    ...new Map(settings.flatMap(({ line }) => (line === null ? [] : [[line.split(' ', 1).join(''), line]]))).values(),
  ];
  return { settings, files, written: writeNew(to, lines) };
}

/** The text of a file, or of a setting of it: a list's items on lines of their own; null if it is not there. */
function valuesOf(folder: string): Values {
  return (file, setting) => {
    const path = join(folder, file);
    if (!isFile(path)) return null;
    const text = readFileSync(path, 'utf8');
    if (setting === undefined) return linesOf(text);
    const [section = '', name = ''] = setting.split('.');
    const value = readIni(text).value as Readonly<Record<string, unknown>>;
    const within = section === 'main' ? { ...value, ...Object(value['main']) } : Object(value[section]);
    const found = (within as Readonly<Record<string, unknown>>)[name];
    const items = [found].flat().filter((one) => one !== undefined && one !== '');
    return items.length === 0 ? null : items.map(String).join('\n');
  };
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

const linesOf = (text: string): string =>
  text
    .split('\n')
    .map((line) => line.replace(/[#;].*/, '').trim())
    .filter((line) => line !== '')
    .join('\n');

function settingOf(
  { file, setting, parameter, value = (given) => given, here = '' }: Row,
  values: Values,
): HarakaSetting[] {
  const given = values(file, setting);
  if (given === null || (given === '' && parameter !== undefined)) return [];
  const name = setting === undefined ? file : `${file}: ${setting}`;
  if (parameter === undefined) return [{ name, line: null, here }];
  const line = `${parameter} = ${value(given)}`;
  return [{ name, line, here: line }];
}

function pluginsOf(values: Values): HarakaSetting[] {
  return (values('plugins') ?? '').split('\n').flatMap((name) => {
    const instead = Object.hasOwn(REPLACED, name) ? REPLACED[name] : undefined;
    if (name === '') return [];
    return [{ name: `plugin ${name}`, line: null, here: instead ?? 'runs as it is' }];
  });
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    .slice(0, MOST_FILES)
    .map((entry) => join(entry.parentPath, entry.name));
}

/** What is there stays as it is. */
function writeNew(to: string, lines: readonly string[]): readonly string[] {
  mkdirSync(to, { recursive: true });
  const plugins = join(to, 'plugins');
  if (!existsSync(plugins)) writeFileSync(plugins, 'restrictions\nrewriting\ndns-lists\nharaka\n');
  const main = join(to, 'main.cf');
  if (existsSync(main)) return [];
  writeFileSync(main, `${['compatibility_level = 3.6', ...lines].join('\n')}\n`);
  return lines;
}
