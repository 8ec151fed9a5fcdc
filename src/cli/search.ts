/** `posthorn search`: the texts that the server prepares for SEARCH. */
import type { Command } from 'commander';
import type { SearchProgress } from '../store/mailboxes.ts';
import { printJson } from './output.ts';
import { operate, type PlaceOptions, place, withPlace } from './place.ts';
import { progressLines } from './progress.ts';

const megabytes = (octets: number): string => `${Math.round(octets / 1024 / 1024)} MB`;

const describe = ({ messages, prepared, indexed, octets }: SearchProgress): string =>
  `Prepared for SEARCH: ${prepared} of ${messages} messages, ${indexed} of them in the index.\n` +
  `search.sqlite takes ${megabytes(octets)}.`;

const rebuilt = (progress: SearchProgress): string =>
  progress.prepared === progress.messages
    ? describe(progress)
    : `search.sqlite was deleted. The server prepares all messages again when it has nothing else to do;\n` +
      'until then SEARCH reads them. "posthorn search status" shows how far it is.';

const prepared = (done: number, of: number): string => `${done} of ${of} messages are prepared`;

const COMMANDS = [
  {
    name: 'status',
    description: 'how many messages are prepared for SEARCH, and the size of search.sqlite',
    say: describe,
  },
  {
    name: 'rebuild',
    description:
      'delete search.sqlite and make it again: a running server does so when it has nothing else to do, without one it is done at once',
    say: rebuilt,
  },
] as const;

export function addSearchCommands(program: Command): void {
  const search = program.command('search').description('the texts prepared for SEARCH of IMAP');
  for (const { name, description, say } of COMMANDS) {
    withPlace(search.command(name).description(description)).action(async (options: PlaceOptions) => {
      const where = place(options);
      const result = (await operate(
        where,
        `search.${name}`,
        {},
        { progress: progressLines(prepared) },
      )) as SearchProgress;
      if (where.json) printJson(result);
      else console.log(say(result));
    });
  }
}
