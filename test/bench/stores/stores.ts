/**
 * `npm run bench:stores [-- ROW…] [--messages N] [--rounds N] [--seconds N]`: the same load on a server with SQLite and
 * on one with MongoDB, in turn; and on two processes with MongoDB, where `posthorn start` knows that. Prints a table
 * and writes bench.json. Only ratios of one run count.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { table } from '../../../src/cli/output.ts';
import { type MongoServer, startMongo } from '../../kit/mongodb.ts';
import { closing } from '../peers/closing.ts';
import { openGenerator } from '../peers/generator.ts';
import { type MeasuredRow, measureRow } from './measure.ts';
import { STORE_ROWS } from './rows.ts';
import { knowsProcesses, type StoreOptions, startSide } from './side.ts';

const option = { type: 'string' } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { messages: option, rounds: option, seconds: option },
});
const rows = STORE_ROWS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((word) => name.startsWith(word)),
);
if (rows.length === 0) {
  console.error(`there are: ${STORE_ROWS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}
const options = {
  messages: Number(values.messages ?? 10_000),
  rounds: Number(values.rounds ?? 3),
  seconds: Number(values.seconds ?? 3),
  say: (text: string): void => console.log(text),
};

const sidesOn = async (mongo: MongoServer): Promise<readonly Omit<StoreOptions, 'messages'>[]> => [
  { name: 'SQLite', mongo: null },
  { name: 'MongoDB', mongo },
  ...((await knowsProcesses()) ? [{ name: 'MongoDB, 2 processes', mongo, processes: 2 }] : []),
];

await closing(async (close) => {
  const mongo = await startMongo();
  close(() => mongo.close());
  const generator = openGenerator();
  close(generator.stop);
  const sides = [];
  for (const wanted of await sidesOn(mongo)) {
    const began = performance.now();
    const side = await startSide({ ...wanted, messages: options.messages });
    close(side.stop);
    sides.push(side);
    const took = ((performance.now() - began) / 1000).toFixed(1);
    console.log(
      `${side.name}: filled and started after ${took} s; at rest ${(side.rest * 1000).toFixed(0)} ms in a second`,
    );
  }
  const measured: MeasuredRow[] = [];
  for (const [i, row] of rows.entries()) {
    console.log(`[${i + 1}/${rows.length}] ${row.name}: ${row.about}`);
    measured.push(await measureRow(row, sides, { ...options, generator }));
  }
  console.log(`\n${describe(measured)}\n`);
  console.log(
    [
      'Ratios are to SQLite: of the rate, where more is better, and of our processor time beyond rest, where less is.',
      ...notes(mongo, sides.length),
      `Node ${process.version}, ${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}); load and database on the same.`,
    ].join('\n'),
  );
  const plain = measured.map(({ row: { name, unit }, sides: figures }) => ({ name, unit, sides: figures }));
  writeFileSync('bench.json', `${JSON.stringify({ server: mongo.name, rows: plain }, null, 2)}\n`);
});

function notes({ name }: MongoServer, sides: number): string[] {
  return [
    ...(name.startsWith('mongo-java-server')
      ? [
          `The database is ${name}, a substitute for tests: it is several times slower than a mongod, and rates with it say`,
          'little. Our processor time is what this table says of MongoDB.',
        ]
      : [`The database is ${name}: one node on the same machine.`]),
    ...(sides > 2 ? [] : ['"posthorn start" knows no --processes here: the rows with two processes are left out.']),
  ];
}

function describe(measured: readonly MeasuredRow[]): string {
  const shown = (value: number): string =>
    value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
  return table(
    ['row', 'store', 'per second', 'ratio', 'our ms each', 'ratio', "database's ms each"],
    measured.flatMap(({ row, sides }) =>
      sides.map(({ side, perSecond, own, database }, i) => [
        i === 0 ? row.name : '',
        side,
        `${shown(perSecond)} ${row.unit}`,
        (perSecond / (sides[0]?.perSecond ?? 1)).toFixed(2),
        // Less than the time at rest varies by.
        own === 0 ? 'as at rest' : shown(own),
        own === 0 ? '' : (own / (sides[0]?.own || own)).toFixed(2),
        database === null ? '' : shown(database),
      ]),
    ),
  );
}
