/** `posthorn store plan`: the layout of a MongoDB store over shards, as tables. */
import type { Command } from 'commander';
import type { StorePlan } from '../app/store-plan.ts';
import { printJson, table } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

export function addStorePlanCommand(program: Command): void {
  const group = 'store';
  const store =
    program.commands.find((command) => command.name() === group) ??
    program.command(group).description('the store of the mail');
  withPlace(
    store
      .command('plan [database]')
      .description(
        'show how a MongoDB store is spread over shards: shard keys and the commands for them, indexes, and which query asks how many shards; with a database, how much is in it (default: mail_store of main.cf, if that is one)',
      ),
  ).action(async (database: string | undefined, options: PlaceOptions) => {
    const where = place(options);
    const { planStore } = await import('../app/store-plan.ts');
    const plan = await planStore(where.config, database);
    if (where.json) printJson(plan);
    else console.log(describe(plan));
  });
}

function describe({ collections, commands, indexes, operations, reaches, sizes }: StorePlan): string {
  return [
    'Collections',
    '',
    table(
      ['collection', 'shard key', 'holds', 'because'],
      collections.map(({ collection, key, holds, why }) => [collection, key ?? 'not sharded', holds, why]),
    ),
    '',
    'For mongosh at a mongos, before there is much mail',
    '',
    ...commands,
    '',
    'Indexes, besides _id',
    '',
    table(
      ['index', 'key', 'use'],
      indexes.map(({ index, key, use }) => [index, key, use]),
    ),
    '',
    'Queries, and the shards that they ask',
    '',
    table(
      ['operation', 'query', 'index', 'shards', 'when'],
      operations.flatMap(({ operation, queries }) =>
        queries.map(({ command, collection, index, reach, when = 'always' }, i) => [
          i === 0 ? operation : '',
          `${command} ${collection}`,
          index,
          reach,
          when,
        ]),
      ),
    ),
    '',
    ...Object.entries(reaches).map(([reach, means]) => `${reach}: ${means}.`),
    '',
    table(
      ['operation', 'commands', 'what it is'],
      operations.map(({ operation, about, queries }) => [operation, range(queries), about]),
    ),
    ...(sizes === null ? [] : ['', ...sizeLines(sizes)]),
  ].join('\n');
}

/** `4`, or `2 to 4` where some are not always sent. */
function range(queries: readonly { readonly when?: string }[]): string {
  const always = queries.filter(({ when }) => when === undefined).length;
  return always === queries.length ? String(always) : `${always} to ${queries.length}`;
}

const UNKNOWN = 'not known';
const number = (value: number | null): string => (value === null ? UNKNOWN : value.toLocaleString('en'));

function sizeLines({ database, server, collections }: NonNullable<StorePlan['sizes']>): string[] {
  return [
    `The database ${database}, as its server says (${server}); octets`,
    '',
    table(
      ['collection', 'documents', 'octets', 'average', 'on disk', 'indexes', 'shards'],
      collections.map(({ collection, documents, octets, average, stored, indexes, shards }) => [
        collection,
        number(documents),
        number(octets),
        average === null && documents === 0 ? '' : number(average),
        stored === null && documents === 0 ? '' : number(stored),
        indexes === null
          ? UNKNOWN
          : Object.entries(indexes)
              .map(([name, size]) => `${name} ${number(size)}`)
              .join(', '),
        shards === null ? '' : String(shards),
      ]),
    ),
  ];
}
