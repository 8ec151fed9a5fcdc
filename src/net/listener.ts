/**
 * A listening port: accepts connections within limits, hears from a proxy who the client is, completes the TLS
 * handshake for implicit TLS (RFC 8314), and hands the socket to `onConnection`, which owns it from then on.
 *
 * Guarantees: never more than `maxConnections` in total and `maxPerIp` from one client (an IPv6 /64 is one
 * client), including those in a handshake; an excess connection gets `busyReply` and is closed. A client behind a proxy
 * is counted as itself.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { counters } from '../counters.ts';
import { messageOf } from '../errors.ts';
import { type Ends, endsOf } from './ends.ts';
import { limitKey } from './peer-address.ts';
import { readProxyHeader, SILENT, type UpstreamProxy } from './proxy-header.ts';
import { HANDSHAKE_TIMEOUT, secure, type TlsContexts } from './tls.ts';

export interface ListenOptions {
  /** Service name for errors and logs: `pop3s`. */
  readonly name: string;
  /** An IP address of this host; '0.0.0.0' or '::' for all. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** `implicit`: the handshake is completed before `onConnection`. */
  readonly tls:
    | { readonly mode: 'none' }
    | { readonly mode: 'implicit'; readonly identity: TlsContexts; readonly alpn?: readonly string[] };
  readonly maxConnections: number;
  /** 0: no limit. */
  readonly maxPerIp: number;
  /** Milliseconds. */
  readonly handshakeTimeout?: number;
  /** Sent in clear text, with its CRLF, to an excess connection; '' sends nothing. Never sent with implicit TLS. */
  readonly busyReply?: string;
  /** The proxies before this port; null or absent: clients connect themselves. Asked for each connection. */
  readonly proxy?: () => UpstreamProxy | null;
  /** Receives a net.Socket, or a tls.TLSSocket after its handshake. An exception closes the socket. */
  onConnection(socket: Socket, ends: Ends): void;
  /** A connection was closed before `onConnection`: too many, a bad header, or a failed handshake. For the log. */
  onRefused?(refused: { readonly ip: string; readonly port: number; readonly reason: string }): void;
}

export interface Listener {
  readonly name: string;
  readonly address: string;
  /** The actual port, even if 0 was requested. */
  readonly port: number;
  /** Connections open now, including those in a handshake and those handed over. */
  readonly connections: number;
  /** Accepts no more; what is in a handshake may be completed. */
  stop(): void;
  /** Accepts no more and drops what was not handed over yet. */
  close(): Promise<void>;
}

/** Rejects with a user-readable Error: which service, which address and port, what to do. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 120_000,
    highWaterMark: 64 * 1024,
  });
  const gate = new Gate(options);
  server.on('connection', (socket) => gate.admit(socket));
  // Enough for a burst of clients during a restart; the kernel's own limit caps it.
  await bind(server, options, 1024);
  // libuv retries a failed accept (out of descriptors) when a descriptor is free; it must not end the process.
  server.on('error', (error) => options.onRefused?.({ ip: '', port: 0, reason: `accept: ${error.message}` }));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return {
    name: options.name,
    address: options.address,
    port,
    get connections() {
      return gate.total;
    },
    stop: () => void server.close(),
    close: async () => {
      server.close();
      gate.dropPending();
    },
  };
}

/** As metrics have it. */
type RefusalKind = 'limit' | 'proxy' | 'tls' | 'fault';

/** Counts connections, and leads each to `onConnection`: the proxy's header, the client's limit, the handshake. */
class Gate {
  total = 0;
  readonly #options: ListenOptions;
  readonly #perClient = new Map<string, number>();
  /** Not handed over yet. */
  readonly #pending = new Set<Socket>();

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  admit(socket: Socket): void {
    const { maxConnections, proxy } = this.#options;
    const ends = endsOf(socket);
    // A connection that was reset before it was accepted no longer has an address.
    if (ends.remote.ip === '') {
      socket.destroy();
      return;
    }
    socket.on('error', ignore);
    if (this.total >= maxConnections) {
      this.#refuseBusy(socket, ends, `more than ${maxConnections} connections`);
      return;
    }
    this.total += 1;
    this.#pending.add(socket);
    socket.once('close', () => {
      this.total -= 1;
      this.#pending.delete(socket);
    });
    const before = proxy?.() ?? null;
    if (before === null) this.#meet(socket, ends);
    else this.#hear(socket, ends, before);
  }

  dropPending(): void {
    for (const socket of this.#pending) socket.destroy();
  }

  /** The proxy says who the client is. */
  #hear(socket: Socket, own: Ends, { timeout, trusts, takesUnknown, faultReply }: UpstreamProxy): void {
    if (!trusts(own.remote.ip)) {
      this.#refuse(socket, own, 'proxy', 'not a trusted proxy');
      return;
    }
    readProxyHeader(socket, timeout, (outcome) => {
      if (outcome === SILENT) turnAway(socket, faultReply);
      else if (typeof outcome === 'string') this.#refuse(socket, own, 'proxy', outcome, faultReply);
      else if (outcome.isUnknown === true && !takesUnknown)
        this.#refuse(socket, own, 'proxy', 'a PROXY header that does not say who the client is', faultReply);
      else this.#meet(socket, { ...(outcome.ends ?? own), isProxied: true });
    });
  }

  /** The client is known. */
  #meet(socket: Socket, ends: Ends): void {
    const { maxPerIp, tls, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options;
    const key = limitKey(ends.remote.ip);
    const mine = this.#perClient.get(key) ?? 0;
    if (maxPerIp > 0 && mine >= maxPerIp) {
      this.#refuseBusy(socket, ends, `more than ${maxPerIp} connections from this client`);
      return;
    }
    this.#perClient.set(key, mine + 1);
    socket.once('close', () => this.#release(key));
    if (tls.mode === 'none') {
      this.#handOver(socket, socket, ends);
      // The reader of the header paused it.
      if (ends.isProxied) socket.resume();
      return;
    }
    secure(socket, tls.identity, { timeout: handshakeTimeout, alpn: tls.alpn ?? [] }).then(
      (secured) => this.#handOver(socket, secured, ends),
      (error: unknown) => this.#refuse(socket, ends, 'tls', `TLS handshake failed: ${messageOf(error)}`),
    );
  }

  #handOver(accepted: Socket, socket: Socket, ends: Ends): void {
    this.#pending.delete(accepted);
    counters.connections.count(this.#options.name);
    try {
      this.#options.onConnection(socket, ends);
    } catch (error) {
      this.#refuse(socket, ends, 'fault', `fault: ${String(error)}`);
    }
  }

  #refuseBusy(socket: Socket, ends: Ends, reason: string): void {
    const { tls, busyReply = '' } = this.#options;
    this.#refuse(socket, ends, 'limit', reason, tls.mode === 'none' ? busyReply : '');
  }

  #refuse(socket: Socket, { remote }: Ends, kind: RefusalKind, reason: string, reply = ''): void {
    counters.refusedConnections.count(this.#options.name, kind);
    this.#options.onRefused?.({ ...remote, reason });
    turnAway(socket, reply);
  }

  #release(key: string): void {
    const left = (this.#perClient.get(key) ?? 1) - 1;
    if (left > 0) this.#perClient.set(key, left);
    else this.#perClient.delete(key);
  }
}

/**
 * The last words to a connection, if there are any. A peer that does not read them occupies a descriptor for at most one
 * second.
 */
export function turnAway(socket: Socket, reply: string): void {
  if (reply === '' || socket.destroyed) {
    socket.destroy();
    return;
  }
  socket.setTimeout(1000, () => socket.destroy());
  socket.end(reply, 'latin1', () => socket.destroy());
}

const ignore = (): void => {};

/** Remedies for the usual causes. */
const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program is listening there: stop it (`ss -ltnp` shows which), or choose another port',
  EACCES:
    'ports below 1024 need root or CAP_NET_BIND_SERVICE: start as root (privileges are dropped afterwards, so a reload cannot open such a port, but a restart can), or choose a higher port',
  EADDRNOTAVAIL: 'this host does not have that address: see inet_interfaces and `ip address`',
  EAFNOSUPPORT: 'this host does not support that protocol: see inet_protocols',
};

function bind(server: Server, options: ListenOptions, backlog: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      const code = error.code ?? 'error';
      const host = options.address.includes(':') ? `[${options.address}]` : options.address;
      reject(
        new Error(
          `${options.name}: cannot listen on ${host}:${options.port} (${code}): ${ADVICE[code] ?? error.message}`,
          { cause: error },
        ),
      );
    };
    server.once('error', failed);
    server.listen({ host: options.address, port: options.port, backlog, ipv6Only: options.address === '::' }, () => {
      server.off('error', failed);
      resolve();
    });
  });
}
