/**
 * `posthorn import opendkim FILE`: what opendkim.conf(5) says of signing becomes the configuration of our plugin
 * dkim-sign: its tables are copied and used as they are, and the selectors stay. Private keys stay where they are.
 */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, isAbsolute, join } from 'node:path';
import { bring, type ImportedFile } from './import-configuration.ts';

export interface OpenDkimSetting {
  readonly name: string;
  readonly line: number;
  /** What becomes of it. */
  readonly here: string;
}

export interface OpenDkimReport {
  readonly settings: readonly OpenDkimSetting[];
  readonly files: readonly ImportedFile[];
  /** The plugin's configuration, and the file that has it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly file: string;
  /** False: the file was there, and stays as it is. */
  readonly isWritten: boolean;
}

const LARGEST = 1024 * 1024;
const FOLDER = 'dkim';
const TAKEN = 'taken over';
const VERIFYING = 'of verifying: see the plugin mail-auth';

/** What becomes of settings that are not of the tables; by their names in lower case. */
const HERE: Readonly<Record<string, string>> = {
  domain: TAKEN,
  keyfile: TAKEN,
  selector: TAKEN,
  keytable: TAKEN,
  signingtable: TAKEN,
  internalhosts: TAKEN,
  canonicalization: 'signatures are relaxed/relaxed',
  signaturealgorithm: 'the kind of the key decides: rsa-sha256 or ed25519-sha256',
  oversignheaders: 'see plugins/dkim-sign/README.md: more fields than From are oversigned',
  signheaders: 'see plugins/dkim-sign/README.md for the fields that are signed',
  omitheaders: 'see plugins/dkim-sign/README.md for the fields that are signed',
  mode: 'this signs; the plugin mail-auth verifies',
  'on-internalerror': '"onError" of plugins.d/dkim-sign.json: "defer" (tempfail), "pass" (accept)',
  multiplesignatures: 'the first key that matches signs',
  bodylengthdb: 'the whole body is signed',
  signaturettl: 'signatures do not expire',
  externalignorelist: VERIFYING,
  trustanchorfile: VERIFYING,
  authservid: VERIFYING,
};
const ELSE = 'no meaning here';

/** Rejects with a readable Error. */
export function importOpenDkim(from: string, to: string): OpenDkimReport {
  if (statSync(from, { throwIfNoEntry: false })?.isFile() !== true)
    throw new Error(`${from}: there is no such file; expected opendkim.conf`);
  if (statSync(from).size > LARGEST) throw new Error(`${from} is longer than ${LARGEST} octets`);
  const rows = readFileSync(from, 'utf8')
    .split('\n')
    .flatMap((text, at) => {
      const [, name = '', value = ''] = /^\s*([A-Za-z][\w-]*)\s+(.*?)\s*$/.exec(text.replace(/#.*/, '')) ?? [];
      return name === '' ? [] : [{ name, value, line: at + 1 }];
    });
  // Of a setting that is there twice, the last one counts.
  const values = new Map(rows.map(({ name, value }) => [name.toLowerCase(), value]));
  const value = (name: string): string => values.get(name.toLowerCase()) ?? '';
  const files: ImportedFile[] = [];
  const copied = (written: string): string => {
    const [, type = '', path = ''] = /^(\w+:)?(.*)$/.exec(written) ?? [];
    if ((type !== '' && !/^(?:re)?file:$/.test(type)) || !isAbsolute(path))
      throw new Error(`${from}: "${written}": only files are understood here, as "file:/path" or "refile:/path"`);
    const target = join(FOLDER, basename(path));
    files.push(bring({ name: path, file: path, target }, { to, copyKeys: false }));
    return `${type}${target}`;
  };
  const tables =
    value('KeyTable') === '' ? oneKey({ from, to, value }) : { key: value('KeyTable'), signing: value('SigningTable') };
  const hosts = value('InternalHosts');
  const isFile = /^(?:(?:re)?file:)?\//.test(hosts);
  const config = {
    opendkim: {
      ...(value('KeyTable') === ''
        ? { key_table: tables.key, signing_table: tables.signing }
        : { key_table: copied(tables.key), signing_table: copied(tables.signing) }),
      ...(isFile ? { internal_hosts: copied(hosts).replace(/^(?:re)?file:/, '') } : {}),
    },
    ...(hosts === '' || isFile ? {} : { also_clients: hosts.split(/[\s,]+/).filter((one) => one !== '') }),
  };
  const file = join(to, 'plugins.d', 'dkim-sign.json');
  const isWritten = !existsSync(file);
  if (isWritten) {
    mkdirSync(join(to, 'plugins.d'), { recursive: true });
    writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`);
  }
  const settings = rows.map(({ name, line }) => ({ name, line, here: HERE[name.toLowerCase()] ?? ELSE }));
  return { settings, files, config, file, isWritten };
}

/** Domain, KeyFile and Selector as the tables that mean the same. */
function oneKey({
  from,
  to,
  value,
}: {
  readonly from: string;
  readonly to: string;
  readonly value: (name: string) => string;
}): { readonly key: string; readonly signing: string } {
  const [domains, key, selector] = [value('Domain').split(/[\s,]+/), value('KeyFile'), value('Selector')];
  if (domains[0] === '' || key === '' || selector === '')
    throw new Error(`${from}: it names no key; expected KeyTable and SigningTable, or Domain, KeyFile and Selector`);
  const written = (name: string, lines: readonly string[]): string => {
    const path = join(to, FOLDER, name);
    mkdirSync(join(to, FOLDER), { recursive: true });
    if (!existsSync(path)) writeFileSync(path, `${lines.join('\n')}\n`);
    return join(FOLDER, name);
  };
  return {
    key: written(
      'KeyTable',
      domains.map((domain) => `${domain} ${domain}:${selector}:${key}`),
    ),
    signing: `refile:${written(
      'SigningTable',
      domains.map((domain) => `*@${domain} ${domain}`),
    )}`,
  };
}
