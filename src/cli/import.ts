/** `posthorn import`: what another program keeps in files, which are only read. */
import type { Command } from 'commander';
import { addImportAccounts } from './import-accounts.ts';
import { addImportConfiguration } from './import-configuration.ts';
import { addImportHaraka } from './import-haraka.ts';
import { addImportMail } from './import-mail.ts';
import { addImportOpenDkim } from './import-opendkim.ts';

export function addImportCommands(program: Command): void {
  const command = program.command('import').description('bring what another mail server has into this one');
  addImportConfiguration(command);
  addImportHaraka(command);
  addImportOpenDkim(command);
  addImportAccounts(command);
  addImportMail(command);
}
