/**
 * From users to machines. Arithmetic alone: rates of the busiest hour times measured costs, divided by what a processor,
 * a disk and a machine can do. What is measured is in measured.json, what is not in assumptions.ts.
 */
import type { Assumed } from './assumptions.ts';
import { type Measured, TRAFFIC, type Traffic, type TrafficName } from './figures.ts';
import type { Inputs } from './inputs.ts';
import type { Population } from './population.ts';
import { type Storage, storageOf } from './storage.ts';
import { type Workload, workloadOf } from './workload.ts';

/** Octets of the messages that the costs were measured with. */
const DELIVERED = 4096;
const CORPUS = 6_000;
const KILO = 1024;
/** The looks of a process at the others, in a second; and its queries to all shards in 20 s (housekeeping). */
const HEARTBEATS = 1;
const SCATTERED = 5 / 20;

export interface Fronts {
  /** Processors that the work takes, by what it is. */
  readonly work: Readonly<Record<string, number>>;
  readonly cores: number;
  /** Share of a processor that each process needs for itself, and to hear of what all others do. */
  readonly hearing: number;
  /** Infinite where hearing alone takes more than a process has. */
  readonly processes: number;
  /** Octets of one. */
  readonly memory: number;
  readonly machines: number;
}

export interface Shards {
  /** How many each of these needs; the most of them counts. */
  readonly needs: { readonly disk: number; readonly memory: number; readonly processors: number };
  readonly count: number;
  /** The fullest over the mean. */
  readonly skew: number;
  readonly machines: number;
}

export interface Traffics {
  readonly commands: number;
  /** Documents in a second: by id, of ranges, and written. */
  readonly found: number;
  readonly scanned: number;
  readonly written: number;
  /** To what is not sharded. */
  readonly primaryReads: number;
  readonly primaryWrites: number;
  /** Octets in a second. */
  readonly clients: number;
  readonly database: number;
  readonly replication: number;
  readonly streams: number;
  /** Of old messages read from disks: their ENVELOPE lies beside their octets. */
  readonly disks: number;
}

export interface Result {
  readonly inputs: Inputs;
  readonly population: Population;
  readonly workload: Workload;
  readonly storage: Storage;
  readonly fronts: Fronts;
  readonly traffic: Traffics;
  readonly shards: Shards;
}

export function simulate(inputs: Inputs, population: Population, measured: Measured, a: Assumed): Result {
  const workload = workloadOf(inputs, population);
  const storage = storageOf(inputs, population, measured, a);
  const fronts = frontsOf(inputs, workload, population, measured, a);
  const traffic = trafficOf(inputs, workload, population, fronts, measured, a);
  const shards = shardsOf(inputs, storage, traffic, population, a);
  return { inputs, population, workload, storage, fronts, traffic, shards };
}

function frontsOf(inputs: Inputs, w: Workload, population: Population, { figures }: Measured, a: Assumed): Fronts {
  const beyond = (octets: number): number =>
    (Math.max(0, population.size.mean - octets) / KILO) * figures['cpu.kilobyte'];
  const delivery = figures['cpu.delivery'] + beyond(DELIVERED);
  const milliseconds: Readonly<Record<string, number>> = {
    'messages in': w.delivery * (delivery + figures['cpu.tls']),
    // The session with the other server costs about what one with a sender does.
    'messages out': w.relay * (figures['cpu.relay'] + delivery + figures['cpu.tls']),
    logins: w.session * (figures['cpu.session'] + figures['cpu.tls']),
    'rows of SELECT': w.rows * figures['cpu.row'],
    'FETCH of lists': w.listed * figures['cpu.listed'],
    'FETCH of bodies': w.body * (figures['cpu.body'] + beyond(CORPUS)),
    'STORE and EXPUNGE': w.store * figures['cpu.store'] + w.expunge * figures['cpu.expunge'],
    'telling sessions': w.told * figures['cpu.told'],
    'looks at open mailboxes': w.polled * figures['cpu.polled'],
    'texts for SEARCH': w.text * figures['cpu.text'],
  };
  const work = Object.fromEntries(Object.entries(milliseconds).map(([name, ms]) => [name, ms / 1000]));
  const cores = Object.values(work).reduce((sum, one) => sum + one, 0);
  const heard = inputs.streams > 0 ? w.changes * figures['cpu.foreign'] : 0;
  const hearing = (figures['cpu.rest'] + heard) / 1000;
  const left = a.utilization - hearing;
  const processes = left <= 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(cores / left));
  const memory = figures['memory.process'] + (w.open / processes) * figures['memory.session'];
  const byMemory = (processes * memory) / (inputs['front-memory'] * 1e9 * a.utilization);
  // One machine may be away.
  const machines = Math.ceil(Math.max(processes / inputs['front-cores'], byMemory)) + 1;
  return { work, cores, hearing, processes, memory, machines };
}

function trafficOf(
  inputs: Inputs,
  w: Workload,
  population: Population,
  { processes }: Fronts,
  { traffic }: Measured,
  a: Assumed,
): Traffics {
  const names = Object.keys(TRAFFIC) as TrafficName[];
  const sum = (field: keyof Traffic, without: readonly TrafficName[] = []): number =>
    names.reduce((all, name) => all + (without.includes(name) ? 0 : w[name] * traffic[name][field]), 0);
  const { mean } = population.size;
  const stored = w.delivery * Math.max(0, mean - DELIVERED);
  const fetched = w.body * Math.max(0, mean - CORPUS);
  const sent = sum('sent') + stored;
  return {
    commands: sum('commands') + (2 * w.polled) / 1000,
    found: sum('found', ['rows']) + 2 * w.polled,
    scanned: w.rows * traffic.rows.found,
    written: sum('written'),
    primaryReads: sum('primaryReads') + w.polled + (Number.isFinite(processes) ? processes ** 2 * HEARTBEATS : 0),
    primaryWrites: sum('primaryWrites') + (Number.isFinite(processes) ? processes / 2 : 0),
    clients: (w.delivery + w.relay + w.body) * mean,
    database: sent + sum('received') + fetched,
    replication: sent * (inputs.replicas - 1),
    streams: inputs.streams > 0 ? w.changes * processes * a.event : 0,
    disks: (w.listed + w.body) * a.old * mean * a.bodies,
  };
}

function shardsOf(inputs: Inputs, storage: Storage, traffic: Traffics, population: Population, a: Assumed): Shards {
  const cores = traffic.found / a.readsPerCore + traffic.scanned / a.scansPerCore + traffic.written / a.writesPerCore;
  const exact = {
    disk: storage.total / (inputs['shard-disk'] * 1e9 * a.full),
    memory: storage.hot.total / (inputs['shard-memory'] * 1e9 * a.cache),
    processors: cores / (inputs['shard-cores'] * a.utilization),
  };
  // The fullest shard must have room, not the mean.
  const skew = population.skew(Math.max(1, Math.ceil(Math.max(...Object.values(exact)))), inputs.accounts);
  const needed = (shards: number): number => Math.max(1, Math.ceil(shards * skew));
  const needs = {
    disk: needed(exact.disk),
    memory: needed(exact.memory),
    processors: needed(exact.processors),
  };
  const count = Math.max(...Object.values(needs));
  return { needs, count, skew, machines: count * inputs.replicas };
}

/** Queries in a second that ask all shards, of all processes. */
export const scattered = ({ fronts, shards }: Result): number => fronts.processes * SCATTERED * shards.count;
