/** `posthorn export`: an account's mail as files that other programs read. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ExportCommand, ExportReport } from '../app/export-command.ts';
import { counted, printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { Progress } from './progress.ts';
import { storeLog } from './store-output.ts';

interface MboxOptions extends PlaceOptions {
  readonly folder: string;
}

export function addExportCommands(program: Command): void {
  const command = program
    .command('export')
    .description('write the mail of an account into files that other programs read; the server may run');
  withPlace(
    command
      .command('maildir <address> <dir>')
      .description(
        'all mailboxes as a new Maildir (Maildir++), with UIDs, keywords and subscriptions as Dovecot has them',
      ),
  ).action((address: string, path: string, options: PlaceOptions) =>
    write(address, { format: 'maildir', path: resolve(path) }, options),
  );
  withPlace(
    command
      .command('mbox <address> <file>')
      .description('one mailbox as a new mbox file, with UIDs, flags and keywords')
      .option('--folder <name>', 'the mailbox', 'INBOX'),
  ).action((address: string, path: string, { folder, ...options }: MboxOptions) =>
    write(address, { format: 'mbox', path: resolve(path), folder }, options),
  );
}

async function write(account: string, to: ExportCommand['to'], options: PlaceOptions): Promise<void> {
  const where = place(options);
  const { runExport } = await import('../app/export-command.ts');
  let now = { done: 0, of: 0 };
  const bar = new Progress('messages', () => now);
  bar.begin('export');
  const report = await runExport({
    configDirectory: where.config,
    dataDirectory: where.data,
    account,
    to,
    log: storeLog,
    progress: (done, of) => {
      now = { done, of };
    },
  }).finally(() => bar.end());
  if (where.json) printJson(report);
  else console.log(said(report, to.path));
  if (report.problems.length > 0) process.exitCode = 1;
}

const said = ({ address, messages, mailboxes, notes, problems }: ExportReport, path: string): string =>
  [
    `${address}: ${counted(messages, 'message')} of ${mailboxes === 1 ? '1 mailbox' : `${mailboxes} mailboxes`} written to ${path}`,
    ...notes.map((note) => `Note: ${note}`),
    ...problems.map(({ place: where, problem }) => `Problem: ${where}: ${problem}`),
  ].join('\n');
