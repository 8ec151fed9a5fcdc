/** `posthorn top`: who sent how much, from the log, which all processes of a machine share. */
import { statSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { logFileOf } from '../app/data-folder.ts';
import { messageOf } from '../errors.ts';
import { printable } from '../log.ts';
import { filesSince, linesSince } from '../traffic/log-lines.ts';
import { KINDS, type Kind, type Row, Traffic } from '../traffic/traffic.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';
import { sinceWhen } from './since.ts';

interface TopOptions extends PlaceOptions {
  readonly by: Kind;
  /** Milliseconds since 1970 UTC. */
  readonly since: number;
  readonly lines: number;
}

/** Characters of an address. */
const WIDEST = 64;
const COLUMNS = ['messages', 'recipients', 'octets', 'sent', 'deferred', 'bounced', 'rejected'] as const;

function rowCount(value: string): number {
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new InvalidArgumentError('expected a number of rows.');
  return Number(value);
}

const describe = (by: Kind, rows: readonly Row[]): string =>
  table(
    [by, ...COLUMNS],
    rows.map((row) => [printable(row.key).slice(0, WIDEST), ...COLUMNS.map((column) => String(row[column]))]),
  );

export function addTopCommand(program: Command): void {
  withPlace(
    program
      .command('top')
      .description('who sent how much, from the log')
      .argument('[file...]', 'logs of other machines, instead of the one in the data folder; .gz too'),
  )
    .addOption(new Option('--by <what>', 'what is counted').choices(KINDS).default('user'))
    .addOption(
      new Option('--since <time>', 'from this time on: 1h, 3d, 2026-11-27T08:00')
        .argParser(sinceWhen)
        .default(sinceWhen('1h'), '1h'),
    )
    .option('-n, --lines <count>', 'number of rows', rowCount, 20)
    .action(async (files: readonly string[], options: TopOptions) => {
      const where = place(options);
      const path = logFileOf(where.data);
      if (files.length === 0 && statSync(path, { throwIfNoEntry: false }) === undefined)
        throw new Error(`${path}: there is no log yet; a server with this --data folder creates it`);
      const traffic = new Traffic(options.by, options.since);
      for (const file of files.length === 0 ? filesSince(path, options.since) : files) {
        try {
          for await (const line of linesSince(file, options.since)) traffic.read(line);
        } catch (error) {
          throw new Error(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
        }
      }
      const rows = traffic.rows.slice(0, options.lines);
      if (where.json) printJson(rows.map(({ key, ...counts }) => ({ [options.by]: key, ...counts })));
      else if (rows.length > 0) console.log(describe(options.by, rows));
      else console.log(`The log has no mail since ${new Date(options.since).toISOString()}.`);
    });
}
