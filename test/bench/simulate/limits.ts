/** What breaks first: the number of accounts with which each thing comes to its limit, the rest being as asked. */
import type { Assumed } from './assumptions.ts';
import type { Measured } from './figures.ts';
import type { Inputs } from './inputs.ts';
import { type Result, scattered, simulate } from './model.ts';
import type { Population } from './population.ts';

interface Limit {
  readonly what: string;
  /** A share of what it can be: 1 is the limit. */
  load(result: Result, measured: Measured, a: Assumed): number;
  readonly means: string;
  readonly remedy: string;
}

/** Seconds for which a start may read all accounts, and octets of a process that they may take. */
const START = 10;
/** Queries to all shards that a shard may have in a second. */
const SCATTERED_MOST = 2_000;
/** Aliases that a process reads in a second. */
const ALIASES = 100_000;
/** A process reads them again each time that one has changed. */
const DAY = 86_400;

const LIMITS: readonly Limit[] = [
  {
    what: 'accounts are listed at each start',
    load: ({ inputs }, { figures }) => (inputs.accounts * figures['cpu.account']) / (START * 1000),
    means: `each process reads all accounts when it starts: longer than ${START} s`,
    remedy: 'ask whether there is one account, and for the domains, instead of listing',
  },
  {
    what: 'polling without change streams',
    load: ({ workload }, _measured, a) => workload.open / 0.4 / a.unsharded,
    means: 'accounts of open sessions, read 2.5 times a second from the primary shard',
    remedy: 'a replica set: it has change streams, and is looked at each 10 s',
  },
  {
    what: 'looks beside change streams',
    load: ({ workload }, _measured, a) => workload.open / 10 / a.unsharded,
    means: 'the same each 10 s',
    remedy: 'look less often, or only at accounts of which a stream has told something',
  },
  {
    what: 'change streams: processors',
    load: ({ fronts }, _measured, a) => fronts.hearing / (a.utilization / 2),
    means: 'each process hears of each change of all mailboxes: half of what it may use',
    remedy: 'streams of a range of accounts for each process, and clients that come back to the same process',
  },
  {
    what: 'change streams: oplog',
    load: ({ fronts, traffic, inputs, shards }, _measured, a) =>
      (2 * fronts.processes * traffic.replication) / Math.max(1, inputs.replicas - 1) / shards.count / a.oplogScan,
    means: 'two streams of each process read the oplog of each shard, message octets included',
    remedy: 'one stream for each machine, which tells its processes; octets outside of the streams’ shards',
  },
  {
    what: 'accounts: reads',
    load: ({ traffic }, _measured, a) => traffic.primaryReads / a.unsharded,
    means: 'all reads of what is not sharded, by the primary shard',
    remedy: 'a shard for them alone; remember accounts longer and forget them when a stream tells; then shard by _id',
  },
  {
    what: 'queue: writes',
    load: ({ traffic }, _measured, a) => traffic.primaryWrites / a.unshardedWrites,
    means: 'all writes to what is not sharded',
    remedy: 'a shard for the queue; then a queue for each process, in which others look when it is dead',
  },
  {
    what: 'connections',
    load: ({ fronts }, _measured, a) => (fronts.processes * a.pool) / a.connections,
    means: 'up to 50 of each process, through its mongos, to each shard',
    remedy: 'smaller pools (maxPoolSize), fewer and larger mongos',
  },
  {
    what: 'heartbeats',
    load: ({ fronts }, _measured, a) => fronts.processes ** 2 / a.unsharded,
    means: 'each process reads the documents of all others each second',
    remedy: 'read them less often, or only those that changed',
  },
  {
    what: 'housekeeping',
    load: (result) => scattered(result) / result.shards.count / SCATTERED_MOST,
    means: 'five queries of each process to all shards each 20 s',
    remedy: 'one process does it for all',
  },
  {
    what: 'aliases in each process',
    load: ({ inputs, fronts }, _measured, a) =>
      (inputs.aliases * inputs['alias-changes'] * fronts.processes) / DAY / Math.min(ALIASES, a.scansPerCore),
    means: 'each change of one lets each process read all',
    remedy: 'ask for the one that is needed, as for accounts',
  },
];

export interface Breaking {
  readonly what: string;
  /** Infinite if it does not happen up to ten thousand million. */
  readonly accounts: number;
  /** With the accounts that were asked for; 1 is the limit. */
  readonly load: number;
  readonly means: string;
  readonly remedy: string;
}

const FEWEST = 1e3;
const MOST = 1e10;

/** The first ones first. Aliases grow with the accounts. */
export function whatBreaks(
  inputs: Inputs,
  population: Population,
  measured: Measured,
  a: Assumed,
): readonly Breaking[] {
  const resultWith = (accounts: number): Result => {
    const factor = inputs.accounts === 0 ? 1 : accounts / inputs.accounts;
    return simulate(
      {
        ...inputs,
        accounts,
        aliases: inputs.aliases * factor,
        'alias-changes': inputs['alias-changes'] * factor,
      },
      population,
      measured,
      a,
    );
  };
  const now = resultWith(inputs.accounts);
  return LIMITS.map(({ what, means, remedy, load }) => ({
    what,
    means,
    load: load(now, measured, a),
    remedy,
    accounts: firstAbove((accounts) => load(resultWith(accounts), measured, a)),
  })).sort((x, y) => x.accounts - y.accounts);
}

/** Where a growing function becomes 1, by halving. */
export function firstAbove(load: (accounts: number) => number): number {
  if (load(MOST) < 1) return Number.POSITIVE_INFINITY;
  let [low, high] = [Math.log(FEWEST), Math.log(MOST)];
  while (high - low > 0.005) {
    const middle = (low + high) / 2;
    if (load(Math.exp(middle)) < 1) low = middle;
    else high = middle;
  }
  return Math.exp(high);
}
