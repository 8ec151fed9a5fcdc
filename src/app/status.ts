/** What a running server says of itself: to `posthorn status`, and to the other processes on its database. */
import type { Cluster } from '../store/cluster.ts';
import type { Queue } from '../store/queue.ts';
import { freeOctets } from './data-folder.ts';
import type { Sessions } from './generation.ts';
import type { ListenerRow } from './listeners.ts';
import { mailStoreOf, sizeOfStore } from './open-store.ts';
import { listenerRows, type ServerParts } from './server-parts.ts';

type QueueName = 'active' | 'incoming' | 'deferred' | 'hold';

/** A longer queue is not counted to its end. */
const COUNTED = 10_000;

export interface ServerStatus {
  readonly domain: string;
  readonly hostname: string;
  readonly pid: number;
  readonly listeners: readonly ListenerRow[];
  readonly connections: number;
  /** By protocol. */
  readonly sessions: Sessions;
  readonly deliveries: number;
  /** Recipients by queue, of the first `COUNTED`. */
  readonly queue: Readonly<Record<QueueName, number>>;
  /** Seconds since the oldest message of these arrived; 0 if the queue is empty. */
  readonly queueAge: number;
  /** Octets; `size` is null for a store that is no file, `free` what its data folder's disk has left. */
  readonly store: { readonly size: number | null; readonly free: number };
  /** Of the process, in seconds. */
  readonly uptime: number;
  /** Of the process, in octets. */
  readonly memory: number;
  /** Plugins that are not asked, and why; one line each. */
  readonly leftOut: readonly string[];
  /** Living ones that share the store, this one included. */
  readonly processes: number;
  /**
   * Where the server does not serve what its files say: a refused reload, tables whose file is gone or faulty,
   * certificates that expire. One line each.
   */
  readonly problems: readonly string[];
}

/** `refusal`: why the last reload was refused. */
export async function statusOf(parts: ServerParts, refusal: readonly string[]): Promise<ServerStatus> {
  const { generations, listeners, store, options, clock, certificates } = parts;
  const { configuration, tables } = generations.current;
  const { parameters } = configuration;
  const { counts, oldest } = await countedQueue(store.queue);
  return {
    domain: parameters.string('myorigin'),
    hostname: parameters.string('myhostname'),
    pid: process.pid,
    listeners: listenerRows(parts),
    connections: listeners.connections,
    sessions: generations.sessions,
    deliveries: generations.current.delivery.runner.active,
    queue: counts,
    queueAge: oldest === null ? 0 : Math.max(0, Math.round((clock() - oldest) / 1000)),
    store: {
      size: sizeOfStore(mailStoreOf(parameters.string('mail_store'), options.dataDirectory)),
      free: freeOctets(options.dataDirectory),
    },
    uptime: Math.round(process.uptime()),
    memory: process.memoryUsage().rss,
    leftOut: generations.current.bus.plugins.flatMap(({ name, leftOut }) =>
      leftOut === undefined ? [] : [`plugin ${name} is ${leftOut}`],
    ),
    processes: store.cluster === null ? 1 : await livingIn(store.cluster),
    problems: [
      ...refusal,
      ...generations.current.bus.plugins.flatMap(({ name, fellBack }) =>
        fellBack === undefined ? [] : [`plugin ${name}: ${fellBack}`],
      ),
      ...tables.stale(),
      ...certificates.warnings(configuration),
    ],
  };
}

interface CountedQueue {
  readonly counts: ServerStatus['queue'];
  /** When its oldest message arrived, ms since 1970 UTC. */
  readonly oldest: number | null;
}

async function countedQueue(queue: Queue): Promise<CountedQueue> {
  const counts = { incoming: 0, active: 0, deferred: 0, hold: 0 };
  let seen = 0;
  let oldest: number | null = null;
  for await (const batch of queue.list()) {
    for (const item of batch.slice(0, COUNTED - seen)) {
      counts[item.active ? 'active' : item.state] += 1;
      oldest = Math.min(oldest ?? item.arrivedAt, item.arrivedAt);
    }
    seen += batch.length;
    if (seen >= COUNTED) break;
  }
  return { counts, oldest };
}

const livingIn = async (cluster: Cluster): Promise<number> =>
  (await cluster.processes()).filter(({ dead }) => !dead).length;

/** What the other processes hear of this one with each heartbeat. */
export const factsOf = ({ generations }: Pick<ServerParts, 'generations'>): Readonly<Record<string, number>> => ({
  ...generations.sessions,
  deliveries: generations.current.delivery.runner.active,
});
