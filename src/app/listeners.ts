/**
 * The TCP ports of a server: which it wants by its configuration, and the bound sockets behind them.
 * A reload keeps a port that is still wanted (sessions and the queue of waiting clients with it),
 * opens new ones and closes those that are wanted no more. The name server binds its own.
 */

import type { Socket } from 'node:net';
import type { Configuration, UnixSocket } from '../config/configuration.ts';
import { listenAddresses } from '../config/postfix/own-networks.ts';
import type { ProxiedPort } from '../config/proxied-port.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { inNetwork, parseAddress } from '../lookup/network.ts';
import { type Ends, UNIX_ENDS } from '../net/ends.ts';
import { SocketLineConnection } from '../net/line-connection.ts';
import { listen } from '../net/listener.ts';
import type { UpstreamProxy } from '../net/proxy-header.ts';
import type { TlsContexts } from '../net/tls.ts';
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
  /** For implicit TLS. */
  identity(now: Serving): TlsContexts | undefined;
  readonly proxy: UpstreamProxy | null;
  /** What a start says where the port cannot be opened, and goes on; absent: it ends. */
  readonly without?: string;
  serve(socket: Socket, ends: Ends, now: Serving): void;
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
/** Where a row of spawn sets no limit. */
const PROGRAMS = 1_000;
export const HTTPS_PORT = 443;
const HTTP_PORT = 80;

export function wantedListeners(
  configuration: Configuration,
  hasTls: boolean,
  hasSites: boolean,
  portOffset: number,
): Wanted[] {
  const { services, dovecot, parameters } = configuration;
  const smtp = services.flatMap((service) =>
    (service.socket === null ? service.addresses : [service.socket.path]).map((address): Wanted => {
      const host = service.parameters.string('myhostname');
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
        busyReply: `421 4.7.0 ${host} Error: too many connections\r\n`,
        alpn: [],
        // A reload takes a service away a moment before its port.
        identity: ({ generations, certificates }) =>
          generations.current.tls.get(service.name) ?? certificates.identities?.smtp,
        proxy: upstreamProxy(service.proxied, {
          faultReply: `421 4.3.0 ${host} Server local error\r\n`,
          takesUnknown: false,
        }),
        serve: (socket, ends, { generations }) =>
          generations.serve(socket, ({ smtp }) => {
            const server = smtp.get(service.name);
            // A reload takes a service away a moment before its port: nobody would ever hang up on this client.
            if (server === undefined) socket.destroy();
            else server.serve(socket, ends);
          }),
      };
    }),
  );
  const mailbox = (dovecot?.listeners ?? [])
    .filter(({ protocol, ssl }) => (protocol === 'imap' || protocol === 'pop3') && (!ssl || hasTls))
    .flatMap(({ protocol, addresses, port, ssl, proxied }) =>
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
          identity: ({ generations }) => generations.current.mailboxTls,
          proxy: upstreamProxy(proxied, { faultReply: '', takesUnknown: true }),
          serve: (socket, ends, { generations }) =>
            generations.serve(socket, ({ imap, pop3, mailboxTls }) => {
              const connection = new SocketLineConnection(socket, { identity: mailboxTls, ends });
              void (protocol === 'imap' ? imap : pop3).serve(connection);
            }),
        }),
      ),
    );
  const web =
    hasSites && hasTls ? listenAddresses(parameters.list('http_interfaces'), parameters.list('inet_protocols')) : [];
  const https = web.map(
    (address): Wanted => ({
      ...WEB,
      service: 'https',
      address,
      port: HTTPS_PORT + portOffset,
      tls: 'implicit',
      serve: (socket, _ends, { sites }) => sites.serve(socket, 'https'),
    }),
  );
  const http = (parameters.boolean('http_redirect') ? web : []).map(
    (address): Wanted => ({
      ...WEB,
      service: 'http',
      address,
      port: HTTP_PORT + portOffset,
      tls: 'no',
      without: 'http:// does not lead to https:// there; `http_redirect = no` in main.cf says that this is meant',
      serve: (socket, _ends, { sites }) => sites.serve(socket, 'http'),
    }),
  );
  const spawned = [...configuration.spawned.values()].flatMap(({ name, limit, endpoint }) =>
    (endpoint?.addresses ?? []).map(
      (address): Wanted => ({
        service: name,
        address,
        // Those who use it, such as check_policy_service, name it as it is: it is not shifted.
        port: endpoint?.port ?? 0,
        socket: null,
        tls: 'no',
        maxConnections: limit || PROGRAMS,
        maxPerIp: 0,
        busyReply: '',
        alpn: [],
        identity: () => undefined,
        proxy: null,
        serve: (socket, _ends, { generations }) =>
          generations.serve(socket, ({ localServices }) => localServices.serve(name, socket)),
      }),
    ),
  );
  return [...smtp, ...mailbox, ...https, ...http, ...spawned];
}

const WEB = {
  socket: null,
  maxConnections: HTTP_SESSIONS,
  maxPerIp: 0,
  busyReply: '',
  alpn: ['http/1.1'],
  identity: ({ certificates }: Serving) => certificates.identities?.smtp,
  proxy: null,
};

/**
 * Postfix answers a header that is none, and takes no client that its proxy does not know: it would have the rights of
 * the proxy's own address. Dovecot just hangs up, and gives such a client no rights.
 */
function upstreamProxy(
  proxied: ProxiedPort | null,
  { faultReply, takesUnknown }: Pick<UpstreamProxy, 'faultReply' | 'takesUnknown'>,
): UpstreamProxy | null {
  if (proxied === null) return null;
  const { headerTimeout, trusted } = proxied;
  return {
    timeout: headerTimeout,
    faultReply,
    takesUnknown,
    trusts: (ip) => {
      const address = parseAddress(ip);
      return trusted === null || (address !== null && trusted.some((network) => inNetwork(address, network)));
    },
  };
}

/** An open port, or an open UNIX socket with port 0. */
interface OpenListener {
  readonly port: number;
  readonly connections: number;
  stop(): void;
  close(): Promise<void>;
}

/** What a listener serves. A reload puts a new value into that of one which stays open. */
interface Row {
  wanted: Wanted;
}

/** A listener with the same key stays open at a reload. The permissions of a UNIX socket are part of it. */
const keyOf = ({ service, address, port, tls, socket }: Wanted): string =>
  JSON.stringify([service, address, port, tls === 'implicit', socket]);

export class Listeners implements AsyncDisposable {
  readonly #serving: Serving;
  readonly #log: Log;
  #open = new Map<string, { readonly row: Row; readonly listener: OpenListener }>();

  constructor(serving: Serving, log: Log) {
    this.#serving = serving;
    this.#log = log;
  }

  get rows(): readonly ListenerRow[] {
    return [...this.#open.values()].map(({ row: { wanted }, listener: { port } }) => {
      const { service, address, tls } = wanted;
      return { service, address, port, tls };
    });
  }

  get connections(): number {
    return [...this.#open.values()].reduce((sum, { listener }) => sum + listener.connections, 0);
  }

  /**
   * Opens and closes until the ports are those wanted. Rejects with every port that could not be opened; those opened
   * meanwhile stay. Returns a note for each that the server can be without.
   */
  async become(wanted: readonly Wanted[]): Promise<readonly string[]> {
    const keep = new Map(wanted.map((one) => [keyOf(one), one]));
    for (const [key, { listener }] of this.#open) {
      if (keep.has(key)) continue;
      this.#open.delete(key);
      await listener.close();
    }
    const failures: string[] = [];
    const notes: string[] = [];
    for (const [key, one] of keep) {
      const open = this.#open.get(key);
      if (open !== undefined) {
        open.row.wanted = one;
        continue;
      }
      const row = { wanted: one };
      await this.#listen(row).then(
        (listener) => this.#open.set(key, { row, listener }),
        (error: unknown) =>
          one.without === undefined
            ? failures.push(messageOf(error))
            : notes.push(`warning: ${messageOf(error)}; ${one.without}`),
      );
    }
    if (failures.length > 0) throw new Error([...failures, ...notes].join('\n'));
    return notes;
  }

  /** No more connections; `connections` counts those that are still open. */
  stop(): void {
    for (const { listener } of this.#open.values()) listener.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ listener }) => listener.close()));
    this.#open.clear();
  }

  async #listen(row: Row): Promise<OpenListener> {
    const { address, port, tls, socket, alpn, service, maxConnections, maxPerIp, busyReply } = row.wanted;
    const log = this.#log.child({ process: `postfix/${service}` });
    if (socket !== null) return this.#listenUnix(row, socket, log);
    if (tls === 'implicit' && row.wanted.identity(this.#serving) === undefined)
      throw new Error(`${service}: no certificate`);
    return listen({
      name: service,
      address,
      port,
      tls: tls === 'implicit' ? { mode: 'implicit', identity: this.#identityOf(row), alpn } : { mode: 'none' },
      maxConnections,
      maxPerIp,
      busyReply,
      // A port below 1024 cannot be opened again once root is dropped: a reload puts a proxy before an open one.
      proxy: () => row.wanted.proxy,
      onConnection: (accepted, ends) => row.wanted.serve(accepted, ends, this.#serving),
      onRefused: ({ ip, reason }) => log.info({ ip }, `connection from [${ip}] refused: ${reason}`),
    });
  }

  /** As the configuration of now has it: a reload may change the terms of a port that stays open. */
  #identityOf(row: Row): TlsContexts {
    const now = (): TlsContexts => {
      const identity = row.wanted.identity(this.#serving);
      if (identity === undefined) throw new Error(`${row.wanted.service}: no certificate`);
      return identity;
    };
    return {
      get clientCertificates() {
        return now().clientCertificates;
      },
      context: () => now().context(),
      contextForName: (name) => now().contextForName(name),
    };
  }

  #listenUnix(row: Row, socket: UnixSocket, log: Log): Promise<OpenListener> {
    const { service, maxConnections, busyReply } = row.wanted;
    return listenUnix({
      name: service,
      ...socket,
      maxConnections,
      busyReply,
      onConnection: (accepted) => row.wanted.serve(accepted, UNIX_ENDS, this.#serving),
      onRefused: (reason) => log.info({}, `connection at ${socket.path} refused: ${reason}`),
    });
  }
}
