/** `posthorn import postfix`, `dovecot`, `bind`: another program's configuration becomes a folder of ours. */
import { resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { ImportedFile, ImportedSetting, ImportReport, Program } from '../app/import-configuration.ts';
import { ConfigurationError, formatFault } from '../config/fault.ts';
import { EX_CONFIG, printFaults, printJson, shellWord, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface ImportOptions extends PlaceOptions {
  readonly to: string;
  readonly root: string;
  readonly copyKeys?: true;
}

const ABOUT: Readonly<Record<Program, string>> = {
  postfix: 'main.cf, master.cf and the tables and certificates that they name, such as /etc/postfix',
  dovecot: 'dovecot.conf and what it includes and names, such as /etc/dovecot',
  bind: 'named.conf, what it includes, and the zone files, such as /etc/bind',
};

export function addImportConfiguration(command: Command): void {
  for (const [program, about] of Object.entries(ABOUT) as [Program, string][])
    withPlace(
      command
        .command(`${program} <dir>`)
        .description(`make a configuration folder from ${about}; says what becomes of each setting`),
    )
      .requiredOption('--to <dir>', 'the folder to write to; files that it has stay as they are')
      .option('--root <dir>', "where absolute paths begin: a copy of another machine's disk", '/')
      .option('--copy-keys', 'copy private keys too; otherwise they are used where they are')
      .action(async (from: string, options: ImportOptions) => {
        const { data, json } = place(options);
        const to = resolve(options.to);
        const { importConfiguration } = await import('../app/import-configuration.ts');
        const report = await importConfiguration({
          program,
          from: resolve(from),
          to,
          root: resolve(options.root),
          copyKeys: options.copyKeys === true,
          dataDirectory: data,
        });
        const { faults } = report.check;
        if (json) {
          const told = faults.map((fault) => ({ ...fault, text: formatFault(fault) }));
          printJson({ ...report, check: { ...report.check, faults: told } });
        } else print(report, to);
        if (faults.length > 0) throw new CommanderError(EX_CONFIG, 'posthorn.import', 'faulty configuration');
      });
}

function print({ settings, files, check }: ImportReport, to: string): void {
  if (settings.length > 0) console.log(`${settingsTable(settings)}\n`);
  console.log(`${importedFiles(files)}\n`);
  const { faults, notes, refused } = check;
  for (const note of notes) if (isNew(note, settings, files)) console.log(`- ${note}`);
  if (faults.length > 0)
    printFaults(new ConfigurationError(faults), {
      json: false,
      meaning: refused ? 'a start would be refused' : 'a start would go on without these zones',
    });
  else console.log(`${to}: no faults. Try it: posthorn start --config ${shellWord(to)} --port-offset 20000`);
}

/** Warnings, and what is said of the files of this run, but for what the tables have. */
function isNew(note: string, settings: readonly ImportedSetting[], files: readonly ImportedFile[]): boolean {
  if (note.startsWith('warning: ')) return true;
  const file = files.find(({ path }) => note.startsWith(`${path}:`));
  const isTold = ({ name, line, state }: ImportedSetting): boolean =>
    state !== 'acts' && note.startsWith(`${file?.path}:${line}: ${name}:`);
  return file !== undefined && !settings.some(isTold);
}

const EFFECTS: Readonly<Record<ImportedSetting['state'], string>> = {
  acts: 'taken over',
  'no meaning': 'no meaning here',
  'not supported': 'not supported yet',
  unknown: 'no parameter of Postfix: its value is known where it is named',
};

function settingsTable(settings: readonly ImportedSetting[]): string {
  const others = settings.filter(({ state }) => state !== 'acts');
  const rows = [...settings.filter(({ state }) => state === 'acts'), ...others].map(({ name, line, state, reason }) => [
    name,
    String(line),
    reason === '' ? EFFECTS[state] : `${EFFECTS[state]}: ${reason}`,
  ]);
  return table(['setting', 'line', 'here'], rows);
}

export const importedFiles = (files: readonly ImportedFile[]): string => table(['file', 'here'], files.map(fileRow));

const fileRow = ({ name, state, path }: ImportedFile): readonly [string, string] => [name, FILES[state](path)];

const FILES: Readonly<Record<ImportedFile['state'], (path: string) => string>> = {
  copied: (path) => path,
  'the same': (path) => `${path}, as before`,
  kept: (path) => `${path} has other content and stays as it is`,
  key: (path) => `used where it is, ${path}; --copy-keys copies private keys`,
};
