/**
 * Reads the header with which a proxy begins a connection (protocol/proxy/decode.ts), before anything else is read:
 * TLS or the protocol gets what follows, even if it came in the same segment, and no octet of the header.
 */
import type { Socket } from 'node:net';
import { decodeProxyHeader } from '../protocol/proxy/decode.ts';
import type { ProxyHeader } from '../protocol/proxy/header.ts';

/** The proxies before a port. */
export interface UpstreamProxy {
  /** From the connection to the end of the header, ms. */
  readonly timeout: number;
  /** Whether this peer may say who the client is. */
  trusts(ip: string): boolean;
  /** Whether a client may remain unknown: it then counts as the proxy itself. */
  readonly takesUnknown: boolean;
  /** Sent in clear text, with its CRLF, instead of a session if there is no good header; '' sends nothing. */
  readonly faultReply: string;
}

/** Nothing was said: a balancer that looks whether the port is open. */
export const SILENT = Symbol('silent');

/**
 * Calls back once, with the header or what is wrong. The socket is then paused, so that no octet and no end gets lost
 * before it has its next reader.
 */
export function readProxyHeader(
  socket: Socket,
  timeout: number,
  done: (outcome: ProxyHeader | string | typeof SILENT) => void,
): void {
  let received: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => finish(`no PROXY header within ${timeout / 1000} s`), timeout);
  const finish = (outcome: Parameters<typeof done>[0]): void => {
    clearTimeout(timer);
    socket.off('data', read).off('end', end).off('close', end).pause();
    done(outcome);
  };
  const read = (chunk: Buffer): void => {
    received = Buffer.concat([received, chunk]);
    const outcome = decodeProxyHeader(received);
    if (outcome === null) return;
    if (typeof outcome === 'object' && outcome.length < received.length) {
      socket.pause();
      socket.unshift(received.subarray(outcome.length));
    }
    finish(outcome);
  };
  const end = (): void => finish(received.length === 0 ? SILENT : 'the connection ended within the PROXY header');
  socket.on('data', read).on('end', end).on('close', end);
}
