/**
 * The admin socket: how a command reaches the server that uses the same data folder.
 *
 * A UNIX socket that only the server's user may open; its permissions are the authentication. A connection carries one
 * request and its answer, each one line of JSON: `{ name, given }`, then `{ result }`, `{ error }`, `{ unavailable }` if
 * the store cannot be reached now or, for an invalid configuration, `{ faults }`. While the server works on the answer it sends a space each second; a client gives up on
 * a silent server. Long operations say how far they are, each time a line `{ progress: [done, of] }` before the answer;
 * they end when the client is gone.
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
/** How often it says how far an operation is, ms. */
const PROGRESS_EVERY = 200;
const PROGRESS = '{"progress":';
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
export type Answerer = (line: string, progress?: AdminServices['progress']) => Promise<Answer>;

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
      void answer(line, progressTo(socket)).then((answered) => {
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

/** A client that went away has ended what it asked for. */
function progressTo(socket: Socket): AdminServices['progress'] {
  let next = 0;
  return (done, of) => {
    if (socket.destroyed) throw new OperationError('ended, because the command was');
    if (performance.now() < next) return;
    next = performance.now() + PROGRESS_EVERY;
    socket.write(`${JSON.stringify({ progress: [done, of] })}\n`);
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
  (line, progress = services.progress) =>
    // Its values are looked up when they are needed.
    answer(line, Object.create(services, { progress: { value: progress } }) as AdminServices, log);

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
 * silent for `silence` ms. `progress` hears of long work.
 */
export function callServer(
  dataDirectory: string,
  name: string,
  given: Arguments,
  {
    silence = name === 'server.reload' ? RELOAD_SILENCE : SILENCE,
    progress = () => {},
  }: { readonly silence?: number; readonly progress?: AdminServices['progress'] } = {},
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const path = socketPath(dataDirectory);
    const silent = `the server at ${path} is running but has not answered for ${silence / 1_000} s: its event loop is blocked, perhaps by a reload; see its log`;
    const ended = `the server at ${path} closed the connection without an answer; see its log`;
    const socket = connect(path, () => socket.write(`${JSON.stringify({ name, given })}\n`));
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(silence, () => socket.destroy(new Error(silent)));
    socket.on('data', (chunk: string) => {
      text += chunk;
      text = withoutProgress(text, progress);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
        reject(new NoServerError(`no server is listening at ${path}`));
      else reject(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? new Error(ended) : error);
    });
    socket.on('end', () => {
      if (!text.endsWith('\n')) return reject(new Error(ended));
      const answered = JSON.parse(text) as Answer;
      if ('faults' in answered) reject(new ConfigurationError(answered.faults));
      else if ('error' in answered) reject(new OperationError(answered.error));
      else if ('unavailable' in answered) reject(new StoreUnavailableError(answered.unavailable));
      else resolve(answered.result);
    });
  });
}

/** What is left of an answer when the lines that say how far the work is are heard. */
function withoutProgress(text: string, progress: AdminServices['progress']): string {
  const left = text.trimStart();
  const end = left.indexOf('\n');
  if (end < 0 || !left.startsWith(PROGRESS)) return left;
  const {
    progress: [done = 0, of = 0],
  } = JSON.parse(left.slice(0, end)) as { readonly progress: readonly number[] };
  progress(done, of);
  return withoutProgress(left.slice(end + 1), progress);
}
