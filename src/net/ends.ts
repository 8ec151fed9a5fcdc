/** Between whom a connection is: what logs, limits, rules and headers show as the client and as this server. */
import type { Socket } from 'node:net';
import { plainIp } from './peer-address.ts';

export interface End {
  readonly ip: string;
  readonly port: number;
}

export interface Ends {
  readonly remote: End;
  readonly local: End;
  /** A proxy passed the connection on: the ends are those that it named, or its own if it named none. */
  readonly isProxied: boolean;
}

/** As the system knows them; the addresses are '' if the connection has ended already. */
export const endsOf = (socket: Socket): Ends => ({
  remote: { ip: plainIp(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
  local: { ip: plainIp(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
  isProxied: false,
});

const LOCALHOST: End = { ip: '127.0.0.1', port: 0 };

/** Of a UNIX socket, as in Postfix. */
export const UNIX_ENDS: Ends = { remote: LOCALHOST, local: LOCALHOST, isProxied: false };
