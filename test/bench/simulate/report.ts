/** The result as tables of plain text. */
import { table } from '../../../src/cli/output.ts';
import { ASSUMED, type Assumed } from './assumptions.ts';
import { FIGURES, type FigureName, type Measured, TRAFFIC, type TrafficName } from './figures.ts';
import { INPUT_NAMES, INPUTS } from './inputs.ts';
import type { Breaking } from './limits.ts';
import { mailboxCost } from './mailbox.ts';
import { type Result, scattered } from './model.ts';

const YEARS = 5;

/** Three digits, with a unit for thousands. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  const units: readonly (readonly [number, string])[] = [
    [1e12, ' T'],
    [1e9, ' G'],
    [1e6, ' M'],
    [1e4, ' k'],
  ];
  const [size, unit] = units.find(([least]) => value >= least) ?? [1, ''];
  const scaled = value / (unit === ' k' ? 1e3 : size);
  return `${scaled >= 100 ? String(Math.round(scaled)) : String(Number(scaled.toPrecision(3)))}${unit}`;
}
const octets = (value: number): string => `${short(value)}B`.replace(/(\d)B$/, '$1 B');

export function report(result: Result, breaking: readonly Breaking[], measured: Measured, a: Assumed): string {
  return [
    section('Asked', inputRows(result)),
    section('In a second of the busiest hour', workRows(result)),
    section('Front processes', frontRows(result)),
    section('Database', databaseRows(result)),
    section('Shards', shardRows(result)),
    section('Disks, year after year', yearRows(result, a)),
    section('Machines', machineRows(result)),
    `SELECT of a mailbox that is not in memory\n\n${mailboxTable(result, measured, a)}`,
    `What breaks first\n\n${breakingTable(breaking)}`,
    `Measured (${measured.server}; ${measured.machine})\n\n${measuredTable(measured)}`,
    `Assumed, not measured\n\n${table(
      ['', 'value', 'what'],
      Object.entries(ASSUMED).map(([name, { about }]) => [name, short(a[name as keyof Assumed]), about]),
    )}`,
  ].join('\n\n');
}

type Rows = readonly (readonly [name: string, value: string, about?: string])[];

const section = (title: string, rows: Rows): string =>
  `${title}\n\n${table(
    ['', 'value', ''],
    rows.map(([name, value, about = '']) => [name, value, about]),
  )}`;

const inputRows = ({ inputs }: Result): Rows =>
  INPUT_NAMES.map((name) => [`--${name}`, String(inputs[name]), INPUTS[name].about]);

const workRows = ({ workload: w, population }: Result): Rows => [
  ['deliveries', short(w.delivery), 'into mailboxes: from outside, from here, copies in Sent'],
  ['to other servers', short(w.relay)],
  ['logins with SELECT', short(w.session), 'IMAP and POP3'],
  ['rows read for these', short(w.rows), 'mailboxes are read whole if they are not in memory: taken as always'],
  ['ENVELOPEs', short(w.listed)],
  ['bodies', short(w.body)],
  ['STORE, EXPUNGE', `${short(w.store)}, ${short(w.expunge)}`],
  ['sessions in IDLE', short(w.open), 'open at the same time'],
  ['changes told to them', short(w.told)],
  ['looks at open mailboxes', short(w.polled)],
  ['octets of a message', octets(population.size.mean), `mean; median ${octets(population.size.median)}`],
  [
    'messages of an account',
    short(population.kept.mean),
    `mean; one in 100 has ${short(population.kept.p99)}, one in 10,000 ${short(population.kept.p9999)}`,
  ],
];

const frontRows = ({ fronts, inputs, traffic }: Result): Rows => [
  ...Object.entries(fronts.work).map(([name, cores]) => [`processors: ${name}`, cores.toPrecision(3)] as const),
  ['processors in all', short(fronts.cores)],
  [
    'of each process itself',
    `${(fronts.hearing * 100).toPrecision(2)} %`,
    'of a processor: at rest, and hearing of what all others do',
  ],
  ['processes', short(fronts.processes)],
  ['memory of a process', octets(fronts.memory)],
  ['machines', short(fronts.machines), `with ${inputs['front-cores']} processors; one may be away`],
  ['to and from clients', `${octets(traffic.clients)}/s`],
];

const databaseRows = (result: Result): Rows => {
  const { traffic } = result;
  return [
    ['commands', `${short(traffic.commands)}/s`],
    ['documents by id', `${short(traffic.found)}/s`],
    ['documents of ranges', `${short(traffic.scanned)}/s`],
    ['documents written', `${short(traffic.written)}/s`],
    ['reads of what is not sharded', `${short(traffic.primaryReads)}/s`, 'accounts, queue …: one shard has them all'],
    ['writes of it', `${short(traffic.primaryWrites)}/s`],
    ['queries to all shards', `${short(scattered(result))}/s`, 'housekeeping, over all shards'],
    ['to and from our processes', `${octets(traffic.database)}/s`],
    ['to the other members', `${octets(traffic.replication)}/s`],
    ['change streams', `${octets(traffic.streams)}/s`, 'each change to each process'],
    ['old mail from disks', `${octets(traffic.disks)}/s`, 'lists read the octets too: ENVELOPE is in their document'],
  ];
};

const shardRows = ({ shards, storage, inputs }: Result): Rows => [
  ['messages', short(storage.messages)],
  ['octets of a message', octets(storage.perMessage), 'on one disk, compressed, with indexes'],
  ['on one member of each', octets(storage.total), 'bodies, other documents, indexes:'],
  ['', [storage.bodies, storage.documents, storage.indexes].map(octets).join(', ')],
  ['should be in memory', octets(storage.hot.total), 'indexes, rows, new mail:'],
  ['', [storage.hot.indexes, storage.hot.rows, storage.hot.recent].map(octets).join(', ')],
  ['shards by disk', String(shards.needs.disk)],
  ['shards by memory', String(shards.needs.memory)],
  ['shards by processors', String(shards.needs.processors)],
  ['shards', String(shards.count), `the fullest has ${((shards.skew - 1) * 100).toPrecision(2)} % more than the mean`],
  ['on each', octets(storage.total / shards.count)],
  ['machines', String(shards.machines), `${inputs.replicas} members each`],
];

function yearRows({ storage, inputs, shards }: Result, a: Assumed): Rows {
  const disk = inputs['shard-disk'] * 1e9 * a.full;
  return Array.from({ length: YEARS + 1 }, (_, year) => {
    const total = storage.total * (1 + inputs.growth) ** year;
    const byDisk = Math.ceil((total * shards.skew) / disk);
    return [`year ${year}`, octets(total * inputs.replicas), `on all members; ${byDisk} shards by disk`] as const;
  });
}

/** Of a sharded cluster: where collections are. */
const CONFIG_SERVERS = 3;

const machineRows = ({ fronts, shards }: Result): Rows => [
  ['front', short(fronts.machines), 'our processes, and a mongos on each'],
  ['database', short(shards.machines)],
  ['config servers', String(CONFIG_SERVERS), 'small'],
  ['in all', short(fronts.machines + shards.machines + CONFIG_SERVERS)],
];

const SIZES = [1_000, 10_000, 100_000, 1_000_000];

const mailboxTable = ({ inputs }: Result, measured: Measured, a: Assumed): string =>
  table(
    ['messages', 'our processor', 'from the database', 'pages, if none is in its cache', 'in the memory of a process'],
    SIZES.map((size) => mailboxCost(size, inputs, measured, a)).map(
      ({ messages, processor, octets: got, pages, kept }) => [
        messages.toLocaleString('en'),
        `${short(processor)} ms`,
        octets(got),
        short(pages),
        `${kept} such mailboxes`,
      ],
    ),
  );

const breakingTable = (breaking: readonly Breaking[]): string =>
  table(
    ['', 'at accounts', 'now', 'what it is', 'what then'],
    breaking.map(({ what, accounts, load, means, remedy }) => [
      what,
      short(accounts),
      Number.isFinite(load) ? `${(load * 100).toPrecision(2)} %` : 'over',
      means,
      remedy,
    ]),
  );

function measuredTable({ figures, traffic }: Measured): string {
  const costs = (Object.keys(FIGURES) as FigureName[]).map((name) => {
    const [unit, from] = FIGURES[name];
    return [name, `${Number(figures[name].toPrecision(3))} ${unit}`, from];
  });
  const sent = (Object.keys(TRAFFIC) as TrafficName[]).map((name) => {
    const one = traffic[name];
    return [
      name,
      `${Number(one.commands.toPrecision(3))} commands, ${octets(one.sent)} to, ${octets(one.received)} from`,
      TRAFFIC[name],
    ];
  });
  return table(['', 'value', 'of what'], [...costs, ...sent]);
}
