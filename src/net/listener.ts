/**
 * A listening port: accepts connections within limits, completes the TLS handshake for implicit TLS
 * (RFC 8314), and hands the socket to `onConnection`, which owns it from then on.
 *
 * Guarantees: never more than `maxConnections` in total and `maxPerIp` from one client (an IPv6 /64 is one
 * client), including those in a handshake; an excess connection gets `busyReply` and is closed.
 */

import { createServer, type Server, type Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import { limitKey, plainIp } from './peer-address.ts';
import { HANDSHAKE_TIMEOUT, secure, type TlsIdentity } from './tls.ts';

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
    | { readonly mode: 'implicit'; readonly identity: TlsIdentity; readonly alpn?: readonly string[] };
  readonly maxConnections: number;
  /** 0: no limit. */
  readonly maxPerIp: number;
  /** Milliseconds. */
  readonly handshakeTimeout?: number;
  /** Sent in clear text, with its CRLF, to an excess connection; '' sends nothing. Never sent with implicit TLS. */
  readonly busyReply?: string;
  /** Receives a net.Socket, or a tls.TLSSocket after its handshake. An exception closes the socket. */
  onConnection(socket: Socket): void;
  /** A connection was closed before `onConnection`: too many, or a failed handshake. For the log. */
  onRefused?(refused: { readonly ip: string; readonly port: number; readonly reason: string }): void;
}

export interface Listener {
  readonly name: string;
  readonly address: string;
  /** The actual port, even if 0 was requested. */
  readonly port: number;
  /** Connections open now, including those in a handshake and those handed over. */
  readonly connections: number;
  /** Accepts no more; handshakes may be completed. */
  stop(): void;
  /** Accepts no more and drops unfinished handshakes; connections handed over stay open. */
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
      gate.dropHandshakes();
    },
  };
}

/** Counts connections and runs the handshake. */
class Gate {
  total = 0;
  readonly #options: ListenOptions;
  readonly #perClient = new Map<string, number>();
  readonly #handshakes = new Set<Socket>();

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  admit(socket: Socket): void {
    const { maxConnections, maxPerIp, tls, handshakeTimeout = HANDSHAKE_TIMEOUT } = this.#options;
    // A connection that was reset before it was accepted no longer has an address.
    const ip = plainIp(socket.remoteAddress ?? '');
    if (ip === '') {
      socket.destroy();
      return;
    }
    const key = limitKey(ip);
    const mine = this.#perClient.get(key) ?? 0;
    const crowded = this.total >= maxConnections ? `more than ${maxConnections} connections` : null;
    const greedy = maxPerIp > 0 && mine >= maxPerIp ? `more than ${maxPerIp} connections from this client` : null;
    const reason = crowded ?? greedy;
    if (reason !== null) {
      this.#refuse(socket, ip, reason);
      return;
    }
    this.total += 1;
    this.#perClient.set(key, mine + 1);
    socket.on('error', ignore);
    socket.once('close', () => this.#release(key));
    if (tls.mode === 'none') {
      this.#handOver(socket);
      return;
    }
    this.#handshakes.add(socket);
    const port = socket.remotePort ?? 0;
    secure(socket, tls.identity, { timeout: handshakeTimeout, alpn: tls.alpn ?? [] })
      .then(
        (secured) => this.#handOver(secured),
        (error: unknown) =>
          this.#options.onRefused?.({ ip, port, reason: `TLS handshake failed: ${messageOf(error)}` }),
      )
      .finally(() => this.#handshakes.delete(socket));
  }

  dropHandshakes(): void {
    for (const socket of this.#handshakes) socket.destroy();
  }

  #handOver(socket: Socket): void {
    try {
      this.#options.onConnection(socket);
    } catch (error) {
      socket.destroy();
      this.#options.onRefused?.({
        ip: plainIp(socket.remoteAddress ?? ''),
        port: socket.remotePort ?? 0,
        reason: `fault: ${String(error)}`,
      });
    }
  }

  #refuse(socket: Socket, ip: string, reason: string): void {
    this.#options.onRefused?.({ ip, port: socket.remotePort ?? 0, reason });
    socket.on('error', ignore);
    const { tls, busyReply = '' } = this.#options;
    if (tls.mode !== 'none' || busyReply === '') {
      socket.destroy();
      return;
    }
    turnAway(socket, busyReply);
  }

  #release(key: string): void {
    this.total -= 1;
    const left = (this.#perClient.get(key) ?? 1) - 1;
    if (left > 0) this.#perClient.set(key, left);
    else this.#perClient.delete(key);
  }
}

/** The last words to a connection. A peer that does not read them occupies a descriptor for at most one second. */
export function turnAway(socket: Socket, reply: string): void {
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
