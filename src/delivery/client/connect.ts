/** A connection to another mail server by TCP or a UNIX socket, with a deadline and an optional source address (smtp_bind_address). */
import { connect, isIPv6, type Socket } from 'node:net';

export interface ConnectOptions {
  readonly ip: string;
  readonly port: number;
  /** A UNIX socket instead of them, or null. */
  readonly path: string | null;
  readonly bind: { readonly ipv4: string; readonly ipv6: string };
  /** ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** Rejects with a message for the log: `Connection refused`. */
export function connectTo(options: ConnectOptions): Promise<Socket> {
  const { ip, port, path, bind, timeout, signal } = options;
  const localAddress = isIPv6(ip) ? bind.ipv6 : bind.ipv4;
  return new Promise((resolve, reject) => {
    const socket =
      path === null ? connect({ host: ip, port, ...(localAddress === '' ? {} : { localAddress }) }) : connect({ path });
    const timer = setTimeout(() => fail(new Error('Connection timed out')), timeout);
    const onAbort = (): void => fail(new Error('delivery was aborted'));
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
    };
    const fail = (error: Error): void => {
      settle();
      // A late error on an abandoned socket must not end the process.
      socket.on('error', () => {});
      socket.destroy();
      reject(new Error(wordsFor(error), { cause: error }));
    };
    signal.addEventListener('abort', onAbort);
    socket.once('error', fail);
    socket.once('connect', () => {
      settle();
      socket.on('error', () => {});
      resolve(socket);
    });
    if (signal.aborted) onAbort();
  });
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ECONNRESET: 'Connection reset by peer',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
};

const wordsFor = (error: Error & { code?: string }): string => WORDS[error.code ?? ''] ?? error.message;
