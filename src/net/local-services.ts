/**
 * Connections to services of this machine that are named by the path of a UNIX socket, as `unix:private/policyd-spf`: to
 * a program that a spawn(8) row of master.cf has started for each connection, or to the socket itself. A row at an
 * internet endpoint has a program started for each client there.
 *
 * A program's standard input and output are the connection. It ends with it: it sees the end of its input, and is killed
 * with what it started some seconds later, after its time limit, or when this is closed.
 */
import { connect, type Socket } from 'node:net';
import { Duplex, pipeline } from 'node:stream';
import type { Log } from '../log.ts';
import { killProgram, type ProgramStart, startProgram } from './program.ts';

export interface SpawnedProgram {
  /** Programs at one time; 0 has no limit. */
  readonly limit: number;
  readonly command: ProgramStart & { readonly timeLimit: number; readonly obstacle: string | null };
}

export interface LocalServicesOptions {
  /** By the names of their rows. */
  readonly spawned: ReadonlyMap<string, SpawnedProgram>;
  /** The real path of a socket. */
  socketPath(written: string): string;
  readonly log: Log;
}

/** From the end of its input until it is killed, ms. */
const GRACE = 5_000;
/** Octets of standard error of one program that are logged. */
const MOST_LOGGED = 2_000;
/** `private/NAME` or `public/NAME`, also below a folder. */
const ROW = /(?:^|\/)(?:private|public)\/([^/]+)$/;

export class LocalServices {
  readonly #options: LocalServicesOptions;
  readonly #running = new Map<string, Set<Duplex>>();
  #closed = false;

  constructor(options: LocalServicesOptions) {
    this.#options = options;
  }

  /** Emits `error` and `close` as a socket does. */
  connect(path: string): Duplex {
    const name = ROW.exec(path)?.[1] ?? '';
    const spawned = this.#options.spawned.get(name);
    return spawned === undefined ? connect({ path: this.#options.socketPath(path) }) : this.#start(name, spawned);
  }

  /** A client of a row at an internet endpoint. */
  serve(name: string, socket: Socket): void {
    const spawned = this.#options.spawned.get(name);
    if (spawned === undefined) {
      socket.destroy();
      return;
    }
    // Both end together; why is in the log of the program.
    pipeline(socket, this.#start(name, spawned), socket, () => {});
  }

  close(): void {
    this.#closed = true;
    for (const running of this.#running.values()) for (const connection of running) connection.destroy();
  }

  #start(name: string, { limit, command }: SpawnedProgram): Duplex {
    const running = this.#running.get(name) ?? new Set();
    this.#running.set(name, running);
    if (this.#closed) return refused('the server is closing');
    if (command.obstacle !== null) return refused(command.obstacle);
    if (limit > 0 && running.size >= limit) return refused(`all ${limit} programs of ${name} are busy`);
    let child: ReturnType<typeof startProgram>;
    try {
      child = startProgram(command);
    } catch (error) {
      return refused(String(error));
    }
    const connection = Duplex.from({ readable: child.stdout, writable: child.stdin });
    // Nobody may be listening when it is destroyed.
    connection.on('error', () => {});
    running.add(connection);
    const limitTimer = setTimeout(() => killProgram(child), command.timeLimit);
    let graceTimer: NodeJS.Timeout | null = null;
    this.#logErrors(name, child.stderr);
    child.on('error', (error) => connection.destroy(error));
    child.on('exit', () => {
      clearTimeout(limitTimer);
      if (graceTimer !== null) clearTimeout(graceTimer);
      running.delete(connection);
      // What it said last is still read.
      child.stdout.once('close', () => connection.destroy());
      killProgram(child);
    });
    connection.on('close', () => {
      child.stdin.destroy();
      if (this.#closed) killProgram(child);
      else if (child.exitCode === null && child.signalCode === null)
        graceTimer = setTimeout(() => killProgram(child), GRACE);
    });
    return connection;
  }

  #logErrors(name: string, stderr: NodeJS.ReadableStream): void {
    let left = MOST_LOGGED;
    stderr.on('data', (chunk: Buffer) => {
      const text = chunk.subarray(0, left).toString('utf8').trim();
      left = Math.max(0, left - chunk.length);
      if (text !== '') this.#options.log.warn({ service: name }, `${name}: ${text.replace(/[\0-\x1f\x7f]+/g, ' ')}`);
    });
    stderr.on('error', () => {});
  }
}

/** A connection that fails. */
function refused(because: string): Duplex {
  const connection = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  setImmediate(() => connection.destroy(new Error(because)));
  return connection;
}
