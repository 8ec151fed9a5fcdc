/** `posthorn undelete`: expunged messages, listed and brought back. */
import type { Command } from 'commander';
import type { ListedExpunged, Undeleted } from '../admin/undelete.ts';
import { counted, printJson, table } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';
import { sinceWhen } from './since.ts';

interface UndeleteOptions extends PlaceOptions {
  readonly list?: true;
  readonly folder?: string;
  readonly since?: number;
  readonly to?: string;
  readonly dryRun?: true;
}

const NOTHING = 'no expunged message that is still kept (expunged_retention_time) fits';

/** Columns of a subject or an address in the table. */
const LONGEST = 40;

export function addUndeleteCommand(program: Command): void {
  withPlace(
    program
      .command('undelete <address>')
      .description('bring back messages that a user expunged, while they are kept (expunged_retention_time)'),
  )
    .option('--list', 'show them, the last expunged first, and change nothing')
    .option('--folder <folder>', 'only those that were in this folder')
    .option('--since <time>', 'only those expunged from this time on: 2h, 3d, 2026-11-27T08:00', age)
    .option('--to <folder>', 'put them all into this folder instead of the ones where they were')
    .option('--dry-run', 'say how many would come back, and change nothing')
    .action(async (address: string, options: UndeleteOptions) => {
      const { list, folder, since, to, dryRun = false } = options;
      const where = place(options);
      const which = { address, folder, since };
      const result = await (list === true
        ? operate(where, 'expunged.list', which)
        : operate(where, 'expunged.restore', { ...which, to, dryRun }));
      if (where.json) printJson(result);
      else if (list === true) console.log(listed(result as Parameters<typeof listed>[0]));
      else console.log(undeleted(result as Undeleted, dryRun));
    });
}

/** How long ago, ms. */
const age = (text: string): number => Date.now() - sinceWhen(text);

const listed = ({ count, messages }: { count: number; messages: readonly ListedExpunged[] }): string => {
  if (count === 0) return `There is ${NOTHING}.`;
  const rows = messages.map(({ expunged, folder, date, size, from, subject }) => [
    ...[minute(expunged), folder, minute(date), String(size ?? '?')],
    ...[from, subject].map((text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text)),
  ]);
  const more = count > messages.length ? `\n… and ${count - messages.length} more, expunged before.` : '';
  return table(['expunged', 'folder', 'date', 'octets', 'from', 'subject'], rows) + more;
};

/** UTC. */
const minute = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)}Z`;

const undeleted = ({ address, folders }: Undeleted, dryRun: boolean): string => {
  if (folders.length === 0) return `Nothing was changed: there is ${NOTHING}.`;
  const said = folders.map(({ folder, messages, made }) => {
    const where = made ? `${folder}, which ${dryRun ? 'would be' : 'was'} made again` : folder;
    return `${counted(messages, 'message')} of ${address} ${dryRun ? 'would be' : messages === 1 ? 'is' : 'are'} back in ${where}.`;
  });
  return said.join('\n');
};
