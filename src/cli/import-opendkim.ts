/** `posthorn import opendkim`. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { importedFiles } from './import-configuration.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface ImportOptions extends PlaceOptions {
  readonly to: string;
}

export function addImportOpenDkim(command: Command): void {
  withPlace(
    command
      .command('opendkim <file>')
      .description('have the plugin dkim-sign sign as opendkim.conf says, with the same keys and selectors'),
  )
    .requiredOption('--to <dir>', 'the configuration folder to write to; files that it has stay as they are')
    .action(async (from: string, options: ImportOptions) => {
      const { importOpenDkim } = await import('../app/import-opendkim.ts');
      const report = importOpenDkim(resolve(from), resolve(options.to));
      if (place(options).json) {
        printJson(report);
        return;
      }
      const { settings, files, file, isWritten, config } = report;
      console.log(
        `${table(
          ['setting', 'line', 'here'],
          settings.map(({ name, line, here }) => [name, String(line), here]),
        )}\n`,
      );
      if (files.length > 0) console.log(`${importedFiles(files)}\n`);
      console.log(
        isWritten
          ? `${file}: written`
          : `${file} is there and stays as it is; it would be:\n${JSON.stringify(config, null, 2)}`,
      );
      console.log('Now: add a line "dkim-sign" to the file plugins, and let mail_owner read the keys.');
    });
}
