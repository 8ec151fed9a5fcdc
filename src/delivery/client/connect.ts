/** A connection to another mail server by TCP or a UNIX socket, with a deadline and an optional source address (smtp_bind_address). */
import { connect, type Socket } from 'node:net';

export interface ConnectOptions {
  readonly ip: string;
  readonly port: number;
  /** A UNIX socket instead of them, or null. */
  readonly path: string | null;
  /** The own address, or ''. */
  readonly localAddress: string;
  /** ms */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** The message is for the log: `Connection refused`. */
export class ConnectError extends Error {
  /** The own address could not be used. */
  get isOfBind(): boolean {
    return this.cause instanceof Error && (this.cause as NodeJS.ErrnoException).syscall === 'bind';
  }
}

/** Rejects with ConnectError. */
export function connectTo(options: ConnectOptions): Promise<Socket> {
  const { ip, port, path, localAddress, timeout, signal } = options;
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
      reject(new ConnectError(wordsFor(error), { cause: error }));
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
