/** `posthorn import mail dovecot`, `import maildir` and `import mbox`: mail in another program's files. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { AdminServices, Arguments } from '../admin/operation.ts';
import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';
import { Progress, progressLines } from './progress.ts';
import { messagesDone, transferText } from './transfer-text.ts';

interface MailOptions extends PlaceOptions {
  readonly user: string;
  readonly folder?: string;
  readonly inbox?: string;
}

interface DovecotOptions extends PlaceOptions {
  readonly user: readonly string[];
  readonly root: string;
  readonly location?: string;
  readonly domain?: string;
}

const AGAIN = 'to be repeated, it adds what is new';

export function addImportMail(command: Command): void {
  addDovecot(command.command('mail').description('bring the mail of all accounts'));
  withUser(
    command
      .command('maildir <path>')
      .description(
        `bring the mail of a Maildir (Maildir++, with Dovecot's UIDs, keywords and subscriptions) into an account; ${AGAIN}`,
      ),
    'import.maildir',
  );
  withUser(
    command
      .command('mbox <path>')
      .description(`bring the mail of an mbox file, or of a folder of them, into an account; ${AGAIN}`)
      .option('--folder <name>', 'the mailbox into which a file goes (INBOX)')
      .option('--inbox <file>', 'beside a folder: the file of INBOX, such as /var/mail/NAME'),
    'import.mbox',
  );
}

function addDovecot(command: Command): void {
  withPlace(
    command
      .command('dovecot <dir>')
      .description(
        `bring the mail of every account here from where dovecot.conf says that it is (Maildir or mbox); ${AGAIN}`,
      ),
  )
    .option('--user <address>', 'only this account; may be repeated', (user, users: string[]) => [...users, user], [])
    .option('--location <location>', 'where mail is, instead of mail_location: maildir:/srv/mail/%d/%n')
    .option('--domain <name>', 'of users that Dovecot knows without one')
    .option('--root <dir>', "where absolute paths begin: a copy of another machine's disk", '/')
    .action(async (path: string, { user, location, domain, root, ...options }: DovecotOptions) => {
      await bring(place(options), 'import.mail.dovecot', {
        path: resolve(path),
        users: user,
        location,
        domain,
        root: resolve(root),
      });
    });
}

function withUser(command: Command, operation: string): void {
  withPlace(command)
    .requiredOption('--user <address>', 'the account, which exists')
    .action(async (path: string, options: MailOptions) => {
      const { user, folder, inbox } = options;
      await bring(place(options), operation, {
        path: resolve(path),
        user,
        folder,
        inbox: inbox === undefined ? undefined : resolve(inbox),
      });
    });
}

async function bring(where: PlaceOptions, operation: string, given: Arguments): Promise<void> {
  const { progress, end } = progressOf();
  const report = (await operate(where, operation, given, { progress }).finally(end)) as TransferReport;
  if (where.json) printJson(report);
  else console.log(transferText(report, 'brought'));
  if (report.problems.length > 0) process.exitCode = 1;
}

/** A bar where the number of messages is known, otherwise how many there were so far. */
function progressOf(): { readonly progress: AdminServices['progress']; end(): void } {
  const lines = progressLines(messagesDone);
  let bar: Progress | undefined;
  let now = { done: 0, of: 0 };
  return {
    progress: (done, of) => {
      if (of === 0) return lines(done, of);
      now = { done, of };
      if (bar !== undefined) return;
      bar = new Progress('messages', () => now);
      bar.begin('import');
    },
    end: () => bar?.end(),
  };
}
