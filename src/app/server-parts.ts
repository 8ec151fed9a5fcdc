/** The parts of a running server. Each part is open when it is listed here; reloads change their content. */
import type { HttpSend } from '../bus/lent/http.ts';
import type { Clock } from '../clock.ts';
import type { LogSink } from '../log.ts';
import type { Store } from '../store/store.ts';
import type { Certificates } from './certificates.ts';
import type { Falls } from './falls.ts';
import type { NewAccount } from './first-account.ts';
import type { Generations } from './generations.ts';
import type { ListenerRow, Listeners } from './listeners.ts';
import type { NameServer } from './name-server.ts';
import type { Sites } from './sites.ts';

export interface ServerOptions {
  readonly configDirectory: string;
  readonly dataDirectory: string;
  /** Added to every port; by default 0, or 10000 if low ports cannot be bound. */
  readonly portOffset?: number;
  /** Added to the ports of other servers (25, and the resolver's 53): 0 except in the lab. */
  readonly peerPortOffset?: number;
  /** Overrides inet_interfaces. */
  readonly address?: string;
  /** Overrides front_processes. */
  readonly processes?: number;
  /** One of several: their supervisor has the admin socket. */
  readonly isSupervised?: boolean;
  /** Created if they do not exist; if not given, a first account is created. */
  readonly accounts?: readonly NewAccount[];
  /** Another clock than the system's: tests of plugins have one that stands still. */
  readonly clock?: Clock;
  /** Sends the requests of plugins: tests of plugins have answers of their own. */
  readonly http?: HttpSend;
  /** Also print the log as text to standard output. */
  readonly printLog: boolean;
  /** Hears what takes long at the start. */
  progress?(text: string): void;
  /** An administrator asked the server to stop, or the store has failed. */
  onStop(): void;
}

export interface ServerParts {
  readonly options: ServerOptions;
  readonly clock: Clock;
  readonly log: LogSink;
  readonly falls: Falls;
  readonly store: Store;
  readonly certificates: Certificates;
  readonly generations: Generations;
  readonly nameServer: NameServer;
  readonly sites: Sites;
  readonly listeners: Listeners;
  /** Added to every port. */
  readonly portOffset: number;
  /** The store has stopped by itself, and so the server does. */
  readonly hasFailed: () => boolean;
}

/** All listening addresses, including those of the name server. */
export const listenerRows = ({
  listeners,
  nameServer,
}: Pick<ServerParts, 'listeners' | 'nameServer'>): readonly ListenerRow[] => [
  ...listeners.rows,
  ...nameServer.addresses.map(({ address, port }): ListenerRow => ({ service: 'dns', address, port, tls: 'no' })),
];
