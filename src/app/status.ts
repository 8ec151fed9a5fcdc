/** What a running server says of itself: to `posthorn status`, and to the other processes on its database. */
import type { Cluster } from '../store/cluster.ts';
import type { ListenerRow } from './listeners.ts';
import { listenerRows, type ServerParts } from './server-parts.ts';

export interface ServerStatus {
  readonly domain: string;
  readonly hostname: string;
  readonly pid: number;
  readonly listeners: readonly ListenerRow[];
  readonly connections: number;
  readonly deliveries: number;
  /** Of the process, in octets. */
  readonly memory: number;
  /** Living ones that share the store, this one included. */
  readonly processes: number;
}

export async function statusOf(parts: ServerParts): Promise<ServerStatus> {
  const { generations, listeners, store } = parts;
  const { parameters } = generations.current.configuration;
  return {
    domain: parameters.string('myorigin'),
    hostname: parameters.string('myhostname'),
    pid: process.pid,
    listeners: listenerRows(parts),
    connections: listeners.connections,
    deliveries: generations.current.delivery.runner.active,
    memory: process.memoryUsage().rss,
    processes: store.cluster === null ? 1 : await livingIn(store.cluster),
  };
}

const livingIn = async (cluster: Cluster): Promise<number> =>
  (await cluster.processes()).filter(({ dead }) => !dead).length;

/** What the other processes hear of this one with each heartbeat. */
export const factsOf = ({ generations }: Pick<ServerParts, 'generations'>): Readonly<Record<string, number>> => ({
  ...generations.sessions,
  deliveries: generations.current.delivery.runner.active,
});
