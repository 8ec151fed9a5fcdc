/**
 * A nexthop in Postfix's syntax: `domain` (its MX hosts), `[host]` (only that host), either with `:port`, and
 * optionally preceded by a transport: `smtp:[mail.example]:587`.
 */
import { type PortNames, portOf } from '../../lookup/ports.ts';

export interface Nexthop {
  readonly protocol: 'smtp' | 'lmtp';
  /** A domain, a host name or an IP address, in lower case, without brackets. */
  readonly host: string;
  /** Null: the default port. */
  readonly port: number | null;
  /** Look up MX records; false if given in brackets. */
  readonly mx: boolean;
  /** The UNIX socket at which an LMTP server listens, as written behind `unix:`; null for a host. */
  readonly socket: string | null;
}

/** Null if it does not have the form above. */
export function parseNexthop(text: string, protocol: Nexthop['protocol'], ports: PortNames): Nexthop | null {
  if (protocol === 'lmtp') {
    const socket = /^unix:(\S+)$/.exec(text)?.[1];
    if (socket !== undefined) return { protocol, host: socket, port: null, mx: false, socket };
    return parseHost(text.replace(/^inet:/, ''), protocol, ports);
  }
  return parseHost(text, protocol, ports);
}

function parseHost(text: string, protocol: Nexthop['protocol'], ports: PortNames): Nexthop | null {
  const bracketed = /^\[([^\]\s]+)\](?::([\w.+-]+))?$/.exec(text);
  if (bracketed !== null) {
    const port = parsePort(bracketed[2], ports);
    const host = (bracketed[1] ?? '').toLowerCase().replace(/^ipv6:/, '');
    return port === undefined ? null : { protocol, host, port, mx: false, socket: null };
  }
  const plain = /^([^\s:[\]]+)(?::([\w.+-]+))?$/.exec(text);
  if (plain === null) return null;
  const port = parsePort(plain[2], ports);
  const host = (plain[1] ?? '').toLowerCase();
  return port === undefined ? null : { protocol, host, port, mx: protocol === 'smtp', socket: null };
}

/** Null: none was given; undefined: not a port. */
function parsePort(text: string | undefined, ports: PortNames): number | null | undefined {
  return text === undefined ? null : portNumber(text, ports);
}

/** Of a name or a number; nobody connects to port 0. */
export const portNumber = (text: string, ports: PortNames): number | undefined => portOf(text, ports) || undefined;
