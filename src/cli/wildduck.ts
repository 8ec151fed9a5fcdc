/** `posthorn store import wildduck` and `posthorn store export wildduck`. */
import type { Command } from 'commander';
import type { TransferReport } from '../maintenance/wildduck/report.ts';
import { lineFromStdin } from './accounts.ts';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';
import { progressLines } from './progress.ts';
import { messagesDone, transferText } from './transfer-text.ts';

interface WildDuckOptions extends PlaceOptions {
  readonly user?: readonly string[];
  readonly usersDb?: string;
  readonly gridfsDb?: string;
}

const COMMANDS = [
  {
    direction: 'import',
    summary: 'bring mail from another server into this store',
    description:
      'bring accounts with their mailboxes and mail from the MongoDB database of a WildDuck, which is only read; to be repeated, it then brings what has changed',
    done: 'brought',
  },
  {
    direction: 'export',
    summary: "bring this store's mail to another server",
    description:
      'bring accounts with their mailboxes and mail into the MongoDB database of a WildDuck, which must not have them',
    done: 'exported',
  },
] as const;

export function addWildDuckCommands(store: Command): void {
  for (const { direction, summary, description, done } of COMMANDS) {
    const command = store.command(direction).description(summary).command('wildduck <uri>').description(description);
    withPlace(command)
      .option('--user <address>', 'only this account; may be repeated', collect)
      .option('--users-db <name>', "the database of users and addresses, where WildDuck's dbs.users names one")
      .option('--gridfs-db <name>', "the database of attachments, where WildDuck's dbs.gridfs names one")
      .action(async (uri: string, options: WildDuckOptions) => {
        const where = place(options);
        const given = {
          // A password on the command line can be seen by everyone on the machine.
          uri: uri === '-' ? await lineFromStdin() : uri,
          users: options.user ?? [],
          usersDatabase: options.usersDb,
          gridfsDatabase: options.gridfsDb,
        };
        const report = (await operate(where, `store.${direction}.wildduck`, given, {
          progress: progressLines(messagesDone),
        })) as TransferReport;
        if (where.json) printJson(report);
        else console.log(transferText(report, done));
        if (report.problems.length > 0) process.exitCode = 1;
      });
  }
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
