/** `posthorn import`: what another program keeps in files, which are only read. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { addImportAccounts } from './import-accounts.ts';
import { addImportConfiguration } from './import-configuration.ts';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';
import { progressLines } from './progress.ts';
import { messagesDone, transferText } from './transfer-text.ts';

interface MailOptions extends PlaceOptions {
  readonly user: string;
  readonly folder?: string;
  readonly inbox?: string;
}

export function addImportCommands(program: Command): void {
  const command = program.command('import').description('bring what another mail server has into this one');
  const again = 'to be repeated, it adds what is new';
  addImportConfiguration(command);
  addImportAccounts(command);
  withMail(
    command
      .command('maildir <path>')
      .description(
        `bring the mail of a Maildir (Maildir++, with Dovecot's UIDs, keywords and subscriptions) into an account; ${again}`,
      ),
    'import.maildir',
  );
  withMail(
    command
      .command('mbox <path>')
      .description(`bring the mail of an mbox file, or of a folder of them, into an account; ${again}`)
      .option('--folder <name>', 'the mailbox into which a file goes (INBOX)')
      .option('--inbox <file>', 'beside a folder: the file of INBOX, such as /var/mail/NAME'),
    'import.mbox',
  );
}

function withMail(command: Command, operation: string): void {
  withPlace(command)
    .requiredOption('--user <address>', 'the account, which exists')
    .action(async (path: string, options: MailOptions) => {
      const where = place(options);
      const { user, folder, inbox } = options;
      const given = { path: resolve(path), user, folder, inbox: inbox === undefined ? undefined : resolve(inbox) };
      const report = (await operate(where, operation, given, {
        progress: progressLines(messagesDone),
      })) as TransferReport;
      if (where.json) printJson(report);
      else console.log(transferText(report, 'brought'));
      if (report.problems.length > 0) process.exitCode = 1;
    });
}
