/** `posthorn import haraka`. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { HarakaReport } from '../app/import-haraka.ts';
import { importedFiles } from './import-configuration.ts';
import { printJson, shellWord, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface ImportOptions extends PlaceOptions {
  readonly to: string;
  readonly copyKeys?: true;
}

export function addImportHaraka(command: Command): void {
  withPlace(
    command
      .command('haraka <dir>')
      .description("copy Haraka's config and plugins, for its plugins to run here; says what becomes of its settings"),
  )
    .requiredOption('--to <dir>', 'the folder to write to; files that it has stay as they are')
    .option('--copy-keys', 'copy private keys too; otherwise they are used where they are')
    .action(async (from: string, options: ImportOptions) => {
      const to = resolve(options.to);
      const { importHaraka } = await import('../app/import-haraka.ts');
      const report = importHaraka({ from: resolve(from), to, copyKeys: options.copyKeys === true });
      if (place(options).json) printJson(report);
      else print(report, to);
    });
}

function print({ settings, files, written }: HarakaReport, to: string): void {
  if (settings.length > 0)
    console.log(
      `${table(
        ['setting', 'here'],
        settings.map(({ name, here }) => [name, here]),
      )}\n`,
    );
  console.log(`${importedFiles(files)}\n`);
  const lines = settings.some(({ line }) => line !== null);
  if (lines && written.length === 0) console.log(`${to}/main.cf stays as it is: write the lines above to it.`);
  console.log(`Now: cd ${shellWord(to)} && npm install Haraka && posthorn check --config .`);
}
