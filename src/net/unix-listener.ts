/**
 * A UNIX socket that is listened at. The permissions of the socket say who may connect; nobody else can for a moment
 * before they are set.
 */
import { chmodSync, chownSync, existsSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { counters } from '../counters.ts';
import { turnAway } from './listener.ts';

export interface UnixListenOptions {
  /** What the socket is for, in errors: `lmtp`. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** Permissions of the socket. */
  readonly mode: number;
  /** Owner and group of the socket; undefined leaves them to the process. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
  readonly maxConnections: number;
  /** Said to a connection too many, with its CRLF. */
  readonly busyReply: string;
  /** What it throws closes the socket. */
  onConnection(socket: Socket): void;
  /** A connection was turned away before `onConnection`. */
  onRefused(reason: string): void;
}

/** Like a `Listener`; a UNIX socket has port 0. */
export interface UnixListener {
  readonly path: string;
  readonly port: 0;
  readonly connections: number;
  /** Accepts no more. */
  stop(): void;
  /** Accepts no more and removes the socket; connections handed over live on. */
  close(): Promise<void>;
}

/**
 * A socket that nobody listens at any more is replaced. Rejects with an Error for people where another program listens
 * there, or the socket cannot be made.
 */
export async function listenUnix(options: UnixListenOptions): Promise<UnixListener> {
  const { name, path, mode, uid, gid } = options;
  const open = new Set<Socket>();
  const server = createServer({ highWaterMark: 64 * 1024 }, (socket) => admit(socket, open, options));
  server.on('error', (error) => options.onRefused(`accept: ${error.message}`));
  try {
    await removeStale(path);
    // One process of several gets the socket that the others have.
    await bindForOwner(server, path);
    if (uid !== undefined || gid !== undefined) chownSync(path, uid ?? -1, gid ?? -1);
    chmodSync(path, mode);
  } catch (error) {
    server.close();
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`${name}: cannot listen at ${path} (${code ?? 'error'}): ${ADVICE[code ?? ''] ?? message}`, {
      cause: error,
    });
  }
  return {
    path,
    port: 0,
    get connections() {
      return open.size;
    },
    stop: () => void server.close(),
    close: async () => {
      server.close();
    },
  };
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: stop it (`ss -lxp` shows which), or choose another path',
  EACCES: 'the server may not make files in that folder: give it the folder, or choose another one',
  EPERM: 'only root can give the socket to that user; start as root, or leave user and group out',
  ENOENT: 'there is no such folder',
  EEXIST: 'that is no socket; remove it, or choose another path',
};

/** Throws ENOENT without the folder, EEXIST where it is not a socket. Where somebody listens, `listen` says so. */
async function removeStale(path: string): Promise<void> {
  // libuv calls a missing folder EACCES.
  if (!existsSync(dirname(path))) throw Object.assign(new Error('no folder'), { code: 'ENOENT' });
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw Object.assign(new Error('it exists'), { code: 'EEXIST' });
  if (!(await isAnswering(path))) rmSync(path, { force: true });
}

/** Whether somebody listens at a UNIX socket. */
export const isAnswering = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });

/** Makes a socket that its owner alone may connect to. */
export async function bindForOwner(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } finally {
    process.umask(before);
  }
}

function admit(socket: Socket, open: Set<Socket>, options: UnixListenOptions): void {
  socket.on('error', () => {});
  if (open.size >= options.maxConnections) {
    counters.refusedConnections.count(options.name, 'limit');
    options.onRefused(`more than ${options.maxConnections} connections`);
    turnAway(socket, options.busyReply);
    return;
  }
  counters.connections.count(options.name);
  open.add(socket);
  socket.once('close', () => open.delete(socket));
  try {
    options.onConnection(socket);
  } catch (error) {
    socket.destroy();
    options.onRefused(`fault: ${String(error)}`);
  }
}
