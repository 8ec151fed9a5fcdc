/**
 * The admin socket: how a command reaches the server that runs on the same data folder.
 *
 * HTTP over a UNIX socket that only the server's user may open: `POST /NAME` with a JSON object gives
 * `{ result }`, or `{ error }` with status 400. The folder's permissions are the login.
 */
import { rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Log } from '../log.ts';
import { type AdminHouse, type Arguments, OperationError } from './operation.ts';
import { operations } from './operations.ts';

const SOCKET_NAME = 'posthorn.sock';
const REQUEST_LIMIT = 1024 * 1024;
/** Octets that a UNIX socket's path may have on Linux (sun_path, less its NUL). */
const PATH_LIMIT = 107;

export const socketPath = (dataDirectory: string): string => join(dataDirectory, SOCKET_NAME);

export interface AdminSocket {
  close(): Promise<void>;
}

/** Listens. A socket file that a dead server left is replaced: the store's lock says that none lives. */
export async function openAdminSocket(dataDirectory: string, house: AdminHouse, log: Log): Promise<AdminSocket> {
  const path = socketPath(dataDirectory);
  if (Buffer.byteLength(path) > PATH_LIMIT) {
    throw new Error(`${path}: longer than the ${PATH_LIMIT} octets a socket's path may have; choose a shorter --data folder`);
  }
  const app = new Hono();
  app.post('/:name', bodyLimit({ maxSize: REQUEST_LIMIT }), async (context) => {
    const operation = operations.get(context.req.param('name'));
    if (operation === undefined) return context.json({ error: `unknown operation "${context.req.param('name')}"` }, 404);
    try {
      const given: unknown = await context.req.json();
      if (typeof given !== 'object' || given === null) throw new OperationError('a JSON object was expected');
      return context.json({ result: (await operation(house, given as Arguments)) ?? null });
    } catch (error) {
      const expected = error instanceof OperationError || error instanceof SyntaxError;
      if (!expected)
        log.error({ err: error }, `admin operation ${context.req.param('name')} failed: ${error instanceof Error ? error.message : String(error)}`);
      return context.json({ error: error instanceof Error ? error.message : String(error) }, expected ? 400 : 500);
    }
  });
  const listener = getRequestListener(app.fetch);
  const server = createServer((incoming, outgoing) => void listener(incoming, outgoing));
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
        server.closeIdleConnections();
      }),
  };
}

/** No server listens: the caller may work on the store itself. */
export class NoServerError extends Error {
  override readonly name = 'NoServerError';
}

/** Asks the running server. Throws NoServerError where none runs and OperationError where it refuses. */
export function callServer(dataDirectory: string, name: string, given: Arguments): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: socketPath(dataDirectory), method: 'POST', path: `/${name}`, headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { result?: unknown; error?: string };
          if (answer.error !== undefined) reject(new OperationError(answer.error));
          else resolve(answer.result);
        });
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'ENOENT' || error.code === 'ECONNREFUSED' ? new NoServerError(`no server listens at ${socketPath(dataDirectory)}`) : error);
    });
    sent.end(JSON.stringify(given));
  });
}
