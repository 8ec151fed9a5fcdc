/**
 * The TCP ports of a server: which it wants by its configuration, and the bound sockets behind them.
 * A reload keeps a port that is still wanted (sessions and the queue of waiting clients with it),
 * opens new ones and closes those that are wanted no more. The name server binds its own.
 */

import type { Socket } from 'node:net';
import type { Configuration, UnixSocket } from '../config/configuration.ts';
import { listenAddresses } from '../config/postfix/own-networks.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { SocketLineConnection } from '../net/line-connection.ts';
import { listen } from '../net/listener.ts';
import { listenUnix } from '../net/unix-listener.ts';
import type { Certificates } from './certificates.ts';
import type { Generations } from './generations.ts';
import type { Sites } from './sites.ts';

/** One row of the table that a start prints. */
export interface ListenerRow {
  readonly service: string;
  /** Of a UNIX socket its path; its port is 0. */
  readonly address: string;
  readonly port: number;
  readonly tls: 'no' | 'STARTTLS' | 'implicit';
}

/** Who answers on a port. */
interface Wanted extends ListenerRow {
  readonly socket: UnixSocket | null;
  readonly maxConnections: number;
  readonly maxPerIp: number;
  readonly busyReply: string;
  readonly alpn: readonly string[];
  serve(socket: Socket, now: Serving): void;
}

/** Who serves the sockets. A reload changes what each of them holds. */
export interface Serving {
  readonly generations: Generations;
  readonly certificates: Certificates;
  readonly sites: Sites;
}

/** Sessions of one protocol at a time, and of one client. */
const MAILBOX_SESSIONS = 10_000;
const MAILBOX_SESSIONS_PER_IP = 2_500;
const HTTP_SESSIONS = 1_000;
const HTTPS_PORT = 443;

export function wantedListeners(
  configuration: Configuration,
  hasTls: boolean,
  hasSites: boolean,
  portOffset: number,
): Wanted[] {
  const { services, dovecot, parameters } = configuration;
  const smtp = services.flatMap((service) =>
    (service.socket === null ? service.addresses : [service.socket.path]).map((address): Wanted => {
      const offersTls = hasTls && service.parameters.string('smtpd_tls_security_level') !== 'none';
      return {
        service: service.name,
        address,
        port: service.socket === null ? service.port + portOffset : 0,
        socket: service.socket,
        tls: service.wrapperMode ? 'implicit' : offersTls ? 'STARTTLS' : 'no',
        // Far above what Postfix's process limit allows: a session here is an object, not a process.
        maxConnections: Math.max(service.maxSessions, 2_000),
        maxPerIp: 0,
        busyReply: `421 4.7.0 ${service.parameters.string('myhostname')} Error: too many connections\r\n`,
        alpn: [],
        serve: (socket, { generations }) =>
          generations.serve(socket, ({ smtp }) => {
            const server = smtp.get(service.name);
            // A reload takes a service away a moment before its port: nobody would ever hang up on this client.
            if (server === undefined) socket.destroy();
            else server.serve(socket, { isUnix: service.socket !== null });
          }),
      };
    }),
  );
  const mailbox = (dovecot?.listeners ?? [])
    .filter(({ protocol, ssl }) => (protocol === 'imap' || protocol === 'pop3') && (!ssl || hasTls))
    .flatMap(({ protocol, addresses, port, ssl }) =>
      addresses.map(
        (address): Wanted => ({
          service: `${protocol}${ssl ? 's' : ''}`,
          address,
          port: port + portOffset,
          socket: null,
          tls: ssl ? 'implicit' : hasTls && dovecot?.ssl !== 'no' ? 'STARTTLS' : 'no',
          maxConnections: MAILBOX_SESSIONS,
          maxPerIp: MAILBOX_SESSIONS_PER_IP,
          busyReply:
            protocol === 'imap'
              ? '* BYE Too many connections, try again later.\r\n'
              : '-ERR [IN-USE] Too many connections, try again later.\r\n',
          alpn: [],
          serve: (socket, { generations, certificates }) =>
            generations.serve(socket, ({ imap, pop3 }) => {
              const connection = new SocketLineConnection(socket, { identity: certificates.identities?.mailbox });
              void (protocol === 'imap' ? imap : pop3).serve(connection);
            }),
        }),
      ),
    );
  const https =
    hasSites && hasTls ? listenAddresses(parameters.list('http_interfaces'), parameters.list('inet_protocols')) : [];
  const web = https.map(
    (address): Wanted => ({
      service: 'https',
      address,
      port: HTTPS_PORT + portOffset,
      socket: null,
      tls: 'implicit',
      maxConnections: HTTP_SESSIONS,
      maxPerIp: 0,
      busyReply: '',
      alpn: ['http/1.1'],
      serve: (socket, { sites }) => sites.serve(socket),
    }),
  );
  return [...smtp, ...mailbox, ...web];
}

/** An open port, or an open UNIX socket with port 0. */
interface OpenListener {
  readonly port: number;
  readonly connections: number;
  stop(): void;
  close(): Promise<void>;
}

/** A listener with the same key stays open at a reload. The permissions of a UNIX socket are part of it. */
const keyOf = ({ service, address, port, tls, socket }: Wanted): string =>
  JSON.stringify([service, address, port, tls === 'implicit', socket]);

export class Listeners implements AsyncDisposable {
  readonly #serving: Serving;
  readonly #log: Log;
  #open = new Map<string, { readonly wanted: Wanted; readonly listener: OpenListener }>();

  constructor(serving: Serving, log: Log) {
    this.#serving = serving;
    this.#log = log;
  }

  get rows(): readonly ListenerRow[] {
    return [...this.#open.values()].map(({ wanted: { service, address, tls }, listener: { port } }) => ({
      service,
      address,
      port,
      tls,
    }));
  }

  get connections(): number {
    return [...this.#open.values()].reduce((sum, { listener }) => sum + listener.connections, 0);
  }

  /**
   * Opens and closes until the ports are those wanted. Rejects with every port that could not be opened; those opened
   * meanwhile stay.
   */
  async become(wanted: readonly Wanted[]): Promise<void> {
    const keep = new Map(wanted.map((row) => [keyOf(row), row]));
    for (const [key, { listener }] of this.#open) {
      if (keep.has(key)) continue;
      this.#open.delete(key);
      await listener.close();
    }
    const failures: string[] = [];
    for (const [key, row] of keep) {
      if (this.#open.has(key)) continue;
      await this.#listen(row).then(
        (listener) => this.#open.set(key, { wanted: row, listener }),
        (error: unknown) => failures.push(messageOf(error)),
      );
    }
    if (failures.length > 0) throw new Error(failures.join('\n'));
  }

  /** No more connections; `connections` counts those that are still open. */
  stop(): void {
    for (const { listener } of this.#open.values()) listener.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ listener }) => listener.close()));
    this.#open.clear();
  }

  async #listen(row: Wanted): Promise<OpenListener> {
    const log = this.#log.child({ process: `postfix/${row.service}` });
    if (row.socket !== null) return this.#listenUnix(row, row.socket, log);
    const { identities } = this.#serving.certificates;
    const identity =
      row.service.startsWith('imap') || row.service.startsWith('pop3') ? identities?.mailbox : identities?.smtp;
    if (row.tls === 'implicit' && identity === undefined) throw new Error(`${row.service}: no certificate`);
    return listen({
      name: row.service,
      address: row.address,
      port: row.port,
      tls:
        row.tls === 'implicit' && identity !== undefined
          ? { mode: 'implicit', identity, alpn: row.alpn }
          : { mode: 'none' },
      maxConnections: row.maxConnections,
      maxPerIp: row.maxPerIp,
      busyReply: row.busyReply,
      onConnection: (socket) => row.serve(socket, this.#serving),
      onRefused: ({ ip, reason }) => log.info({ ip }, `connection from [${ip}] refused: ${reason}`),
    });
  }

  #listenUnix(row: Wanted, socket: UnixSocket, log: Log): Promise<OpenListener> {
    return listenUnix({
      name: row.service,
      ...socket,
      maxConnections: row.maxConnections,
      busyReply: row.busyReply,
      onConnection: (connection) => row.serve(connection, this.#serving),
      onRefused: (reason) => log.info({}, `connection at ${socket.path} refused: ${reason}`),
    });
  }
}
