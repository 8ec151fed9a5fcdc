/**
 * The admin socket: how a command reaches the server that runs on the same data folder.
 *
 * A UNIX socket that only the server's user may open; its permissions are the login. A connection carries
 * one request and its answer, each one line of JSON: `{ name, given }`, then `{ result }`, `{ error }` or, of a
 * faulty configuration, `{ faults }`. A server that works on the answer sends a blank each second; a client does not
 * wait for one that says nothing.
 */
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { ConfigurationError, type Fault } from '../config/fault.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AdminHouse, type Arguments, OperationError } from './operation.ts';
import { operations } from './operations.ts';

const SOCKET_NAME = 'posthorn.sock';
/** Octets of a request, and how long it may take to come or its answer to be fetched, ms. */
const REQUEST_LIMIT = 1024 * 1024;
const PATIENCE = 10_000;
/** How often a server that works on a request says so, ms. */
const SIGN_OF_LIFE = 1_000;
/**
 * How long a client waits without any sign of life, ms; a reload may hold the event loop as long as the watchdog
 * allows.
 */
const SILENCE = 10_000;
const RELOAD_SILENCE = 300_000;
/** Octets that a UNIX socket's path may have on Linux (sun_path, less its NUL). */
const PATH_LIMIT = 107;

/** @internal */
export const socketPath = (dataDirectory: string): string => join(dataDirectory, SOCKET_NAME);

type Answer = { readonly result: unknown } | { readonly error: string } | { readonly faults: readonly Fault[] };

export interface AdminSocket {
  /** Operations under way are answered. */
  close(): Promise<void>;
}

/** Listens. A socket file that a dead server left is replaced: the store's lock says that none lives. */
export async function openAdminSocket(dataDirectory: string, house: AdminHouse, log: Log): Promise<AdminSocket> {
  const path = socketPath(dataDirectory);
  if (Buffer.byteLength(path) > PATH_LIMIT) {
    throw new Error(
      `${path}: longer than the ${PATH_LIMIT} octets a socket's path may have; choose a shorter --data folder`,
    );
  }
  /** Connections whose request is not here yet. */
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('close', () => waiting.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(PATIENCE, () => socket.destroy());
    readLine(socket, (line) => {
      waiting.delete(socket);
      socket.setTimeout(0);
      // White space before the answer is a sign of life: an operation may take long, a server that stands says nothing.
      const working = setInterval(() => socket.write(' '), SIGN_OF_LIFE);
      socket.on('close', () => clearInterval(working));
      void answer(line, house, log).then((answered) => {
        clearInterval(working);
        socket.setTimeout(PATIENCE);
        socket.end(`${JSON.stringify(answered)}\n`);
      });
    });
  });
  rmSync(path, { force: true });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of waiting) socket.destroy();
      }),
  };
}

/** Calls back with the first line; who sends more than the limit without one is cut off. */
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

/** Never rejects. */
async function answer(line: string, house: AdminHouse, log: Log): Promise<Answer> {
  let name: unknown;
  try {
    const request = JSON.parse(line) as { readonly name?: unknown; readonly given?: unknown } | null;
    name = request?.name;
    const operation = typeof name === 'string' ? operations.get(name) : undefined;
    if (operation === undefined) throw new OperationError(`unknown operation "${name}"`);
    const given = request?.given;
    if (typeof given !== 'object' || given === null) throw new OperationError('a JSON object was expected');
    return { result: (await operation(house, given as Arguments)) ?? null };
  } catch (error) {
    if (error instanceof ConfigurationError) return { faults: error.faults };
    const message = messageOf(error);
    if (!(error instanceof OperationError || error instanceof SyntaxError))
      log.error({ err: error }, `admin operation ${name} failed: ${message}`);
    return { error: message };
  }
}

/** No server listens: the caller may work on the store itself. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
}

/**
 * Asks the running server. Rejects with NoServerError where none runs, OperationError where it refuses,
 * ConfigurationError where a reload finds faults, and an Error where it says nothing for `silence` ms.
 */
export function callServer(
  dataDirectory: string,
  name: string,
  given: Arguments,
  silence: number = name === 'server.reload' ? RELOAD_SILENCE : SILENCE,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const path = socketPath(dataDirectory);
    const silent = `the server at ${path} runs but has not answered for ${silence / 1_000} s: its event loop stands, or is held by a reload; its log will say why`;
    const ended = `the server at ${path} ended the connection without an answer; its log may say why`;
    const socket = connect(path, () => socket.write(`${JSON.stringify({ name, given })}\n`));
    const chunks: Buffer[] = [];
    socket.setTimeout(silence, () => socket.destroy(new Error(silent)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
        reject(new NoServerError(`no server listens at ${path}`));
      else reject(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? new Error(ended) : error);
    });
    socket.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      if (!text.endsWith('\n')) return reject(new Error(ended));
      const answered = JSON.parse(text) as Answer;
      if ('faults' in answered) reject(new ConfigurationError(answered.faults));
      else if ('error' in answered) reject(new OperationError(answered.error));
      else resolve(answered.result);
    });
  });
}
