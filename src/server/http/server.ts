/**
 * HTTP over sockets accepted by `net` (which also handles TLS). Node's parser enforces the limits: 16 KiB of header, 60
 * s for a request, 5 s of keep-alive.
 */

import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { readHosts } from './hosts.ts';

export interface HttpServerOptions {
  /** Contains one folder per host name. */
  readonly directory: string;
  /** What answers for these hosts and their folders. */
  readonly appOf: (hosts: ReadonlyMap<string, string>) => Hono;
  readonly log: Log;
}

export class HttpServer {
  readonly #read: () => Hono;
  readonly #server: Server;
  #app: Hono;

  constructor({ directory, appOf, log }: HttpServerOptions) {
    this.#read = () => appOf(readHosts(directory));
    this.#app = this.#read();
    const listener = getRequestListener((request, env) => this.#app.fetch(request, env), {
      errorHandler: (error) => {
        log.error({ err: error }, `request failed: ${messageOf(error)}`);
        return new Response('Internal server error\n', { status: 500 });
      },
    });
    this.#server = createServer(
      { requestTimeout: 60_000, headersTimeout: 15_000, keepAliveTimeout: 5_000, maxHeaderSize: 16_384 },
      (request, response) => {
        response.on('finish', () =>
          log.info(
            { host: request.headers.host, status: response.statusCode },
            `${request.method} ${request.url} ${response.statusCode}`,
          ),
        );
        void listener(request, response);
      },
    );
    this.#server.maxRequestsPerSocket = 1000;
  }

  /** Takes over an accepted connection. */
  serve(socket: Socket): void {
    this.#server.emit('connection', socket);
  }

  /** Reads the host folders again. */
  reload(): void {
    this.#app = this.#read();
  }

  /** Closes idle connections at once and waits at most `graceMs` for responses in progress. */
  close(graceMs = 5_000): Promise<void> {
    return new Promise((resolve) => {
      this.#server.closeIdleConnections();
      const end = setTimeout(() => this.#server.closeAllConnections(), graceMs);
      // The server itself never listens: it is closed when its connections are.
      this.#server.close(() => {
        clearTimeout(end);
        resolve();
      });
    });
  }
}
