/** What a running server consists of. Each part is open by the time it is in here; reloads change what they hold. */
import type { Clock } from '../clock.ts';
import type { LogSink } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Certificates } from './certificates.ts';
import type { NewAccount } from './first-account.ts';
import type { Generations } from './generations.ts';
import type { ListenerRow, Listeners } from './listeners.ts';
import type { NameServer } from './name-server.ts';
import type { Sites } from './sites.ts';

export interface ServerOptions {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Added to every port; not given: 0, or 10000 where low ports may not be bound. */
  readonly portOffset?: number;
  /** Added to the ports of other servers (25, and the resolver's 53): 0 except in the lab. */
  readonly peerPortOffset?: number;
  /** Instead of inet_interfaces. */
  readonly address?: string;
  /** Made where they do not exist; without any, a first account is made. */
  readonly accounts?: readonly NewAccount[];
  /** Text lines of the log go to standard output. */
  readonly printLog: boolean;
  /** An administrator asked the server to stop, or the store cannot go on. */
  onStop(): void;
}

export interface ServerParts {
  readonly options: ServerOptions;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly store: Store;
  readonly certificates: Certificates;
  readonly generations: Generations;
  readonly nameServer: NameServer;
  readonly sites: Sites;
  readonly listeners: Listeners;
  /** Added to every port. */
  readonly portOffset: number;
}

/** Everything that the server listens on, the name server included. */
export const listenerRows = ({
  listeners,
  nameServer,
}: Pick<ServerParts, 'listeners' | 'nameServer'>): readonly ListenerRow[] => [
  ...listeners.rows,
  ...nameServer.addresses.map(({ address, port }): ListenerRow => ({ service: 'dns', address, port, tls: 'no' })),
];
