/**
 * The admin socket: how a command reaches the server that uses the same data folder.
 *
 * A UNIX socket that only the server's user may open; its permissions are the authentication. A connection carries one
 * request and its answer, each one line of JSON: `{ name, given }`, then `{ result }`, `{ error }`, `{ unavailable }` if
 * the store cannot be reached now or, for an invalid configuration, `{ faults }`. While the server works on the answer it sends a space each second; a client gives up on
 * a silent server.
 */
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { ConfigurationError, type Fault } from '../config/fault.ts';
import { SOCKET_PATH_LIMIT } from '../config/paths.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { bindForOwner, isAnswering } from '../net/unix-listener.ts';
import { StoreUnavailableError } from '../store/store.ts';
import { type AdminServices, type Arguments, OperationError } from './operation.ts';
import { operations } from './operations.ts';

const SOCKET_NAME = 'posthorn.sock';
/** Limits of a request: octets, and the time to receive it or to send its answer, ms. */
const REQUEST_LIMIT = 1024 * 1024;
const PATIENCE = 10_000;
/** How often a server sends a space while it works on a request, ms. */
const SIGN_OF_LIFE = 1_000;
/**
 * How long a client waits without receiving anything, ms; a reload may block the event loop as long as the watchdog
 * allows.
 */
const SILENCE = 10_000;
const RELOAD_SILENCE = 300_000;

/** @internal */
export const socketPath = (dataDirectory: string): string => join(dataDirectory, SOCKET_NAME);

/** What a request gets. */
export type Answer =
  | { readonly result: unknown }
  | { readonly error: string }
  | { readonly unavailable: string }
  | { readonly faults: readonly Fault[] };

export interface AdminSocket {
  /** Operations in progress are still answered. */
  close(): Promise<void>;
}

/** Answers a request. Never rejects. */
export type Answerer = (line: string) => Promise<Answer>;

/** Rejects if a server is running. */
export async function expectNoServer(dataDirectory: string): Promise<void> {
  const path = socketPath(dataDirectory);
  if (await isAnswering(path))
    throw new Error(`${path}: another server is running on this data folder; "posthorn stop" ends it`);
}

/** Listens. A socket file left by a dead server is replaced. Rejects if another server is listening. */
export async function openAdminSocket(dataDirectory: string, answer: Answerer): Promise<AdminSocket> {
  const path = socketPath(dataDirectory);
  if (Buffer.byteLength(path) > SOCKET_PATH_LIMIT) {
    throw new Error(
      `${path}: longer than the ${SOCKET_PATH_LIMIT} octets a socket's path may have; choose a shorter --data folder`,
    );
  }
  /** Connections whose request has not arrived yet. */
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('close', () => waiting.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(PATIENCE, () => socket.destroy());
    readLine(socket, (line) => {
      waiting.delete(socket);
      socket.setTimeout(0);
      // White space before the answer shows that the server is alive: an operation may take long, but a hung server
      // sends nothing.
      const working = setInterval(() => socket.write(' '), SIGN_OF_LIFE);
      socket.on('close', () => clearInterval(working));
      void answer(line).then((answered) => {
        clearInterval(working);
        socket.setTimeout(PATIENCE);
        socket.end(`${JSON.stringify(answered)}\n`);
      });
    });
  });
  await expectNoServer(dataDirectory);
  rmSync(path, { force: true });
  await bindForOwner(server, path);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of waiting) socket.destroy();
      }),
  };
}

/** Calls back with the first line; a client that sends more than the limit without one is disconnected. */
function readLine(socket: Socket, done: (line: string) => void): void {
  const chunks: Buffer[] = [];
  let octets = 0;
  socket.on('data', (chunk: Buffer) => {
    const end = chunk.indexOf('\n');
    chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
    octets += chunk.length;
    if (end !== -1) {
      socket.removeAllListeners('data').resume();
      done(Buffer.concat(chunks).toString('utf8'));
    } else if (octets > REQUEST_LIMIT) {
      socket.destroy();
    }
  });
}

export const answerWith =
  (services: AdminServices, log: Log): Answerer =>
  (line) =>
    answer(line, services, log);

async function answer(line: string, services: AdminServices, log: Log): Promise<Answer> {
  let name: unknown;
  try {
    const request = JSON.parse(line) as { readonly name?: unknown; readonly given?: unknown } | null;
    name = request?.name;
    const operation = typeof name === 'string' ? operations.get(name) : undefined;
    if (operation === undefined) throw new OperationError(`unknown operation "${name}"`);
    const given = request?.given;
    if (typeof given !== 'object' || given === null) throw new OperationError('a JSON object was expected');
    const result = (await operation(services, given as Arguments)) ?? null;
    services.server?.done(name as string, result);
    return { result };
  } catch (error) {
    if (error instanceof ConfigurationError) return { faults: error.faults };
    const message = messageOf(error);
    if (error instanceof StoreUnavailableError) return { unavailable: message };
    if (!(error instanceof OperationError || error instanceof SyntaxError))
      log.error({ err: error }, `admin operation ${name} failed: ${message}`);
    return { error: message };
  }
}

/** No server is listening: the caller may use the store itself. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
}

/**
 * Calls the running server. Rejects with NoServerError if none is running, OperationError if it refuses,
 * StoreUnavailableError if it cannot reach its store, ConfigurationError if a reload finds errors, and an Error if it is
 * silent for `silence` ms.
 */
export function callServer(
  dataDirectory: string,
  name: string,
  given: Arguments,
  silence: number = name === 'server.reload' ? RELOAD_SILENCE : SILENCE,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const path = socketPath(dataDirectory);
    const silent = `the server at ${path} is running but has not answered for ${silence / 1_000} s: its event loop is blocked, perhaps by a reload; see its log`;
    const ended = `the server at ${path} closed the connection without an answer; see its log`;
    const socket = connect(path, () => socket.write(`${JSON.stringify({ name, given })}\n`));
    const chunks: Buffer[] = [];
    socket.setTimeout(silence, () => socket.destroy(new Error(silent)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
        reject(new NoServerError(`no server is listening at ${path}`));
      else reject(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? new Error(ended) : error);
    });
    socket.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      if (!text.endsWith('\n')) return reject(new Error(ended));
      const answered = JSON.parse(text) as Answer;
      if ('faults' in answered) reject(new ConfigurationError(answered.faults));
      else if ('error' in answered) reject(new OperationError(answered.error));
      else if ('unavailable' in answered) reject(new StoreUnavailableError(answered.unavailable));
      else resolve(answered.result);
    });
  });
}
