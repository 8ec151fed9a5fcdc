/**
 * Where Prometheus asks: `GET /metrics` on the address of metrics_listen (and where plugins answer, below /plugins/), in clear text and without a login, so by
 * default only from this machine.
 *
 * At most CONNECTIONS at a time; scrapes at the same time share one answer.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { messageOf } from '../errors.ts';
import { listen } from '../net/listener.ts';
import { listenUnix } from '../net/unix-listener.ts';
import { CONTENT_TYPE } from './text.ts';

const CONNECTIONS = 20;
/** Where plugins answer. */
const PLUGINS = '/plugins/';
/** Octets that a client may send there. */
const MOST_BODY = 1024 * 1024;
const BUSY = 'HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n';

export interface EndpointOptions {
  /** `host:port` with an IP address, or `unix:/path`. */
  readonly address: string;
  /** The text of the metrics; may reject. */
  collect(): Promise<string>;
  /** What is below PLUGINS; null: nothing. */
  readonly answer: Answer | null;
}

/** Answers a request with its whole body. Never rejects. */
export type Answer = (
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
) => Promise<{
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}>;

export interface Endpoint {
  close(): Promise<void>;
}

/** Rejects with a readable Error that names the address. */
export async function openEndpoint({ address, collect, answer }: EndpointOptions): Promise<Endpoint> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 8_192 },
    answerWith(collect, answer),
  );
  const port = await open(address, (socket) => server.emit('connection', socket));
  return {
    close: async () => {
      await port.close();
      server.closeAllConnections();
      await closed(server);
    },
  };
}

function answerWith(collect: () => Promise<string>, answer: Answer | null): RequestListener {
  let running: Promise<string> | null = null;
  return (request, response) => {
    const { method, url = '' } = request;
    const say = (status: number, text: string, headers: Readonly<Record<string, string>> = {}): void =>
      void response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers }).end(text);
    if (answer !== null && url.startsWith(PLUGINS)) return pass(request, response, answer);
    if (url.replace(/\?.*/s, '') !== '/metrics') return say(404, 'There is only /metrics.\n');
    if (method !== 'GET' && method !== 'HEAD') return say(405, 'Only GET and HEAD.\n', { Allow: 'GET, HEAD' });
    running ??= collect().finally(() => {
      running = null;
    });
    running.then(
      (text) => say(200, text, { 'Content-Type': CONTENT_TYPE }),
      (error: unknown) => say(503, `${messageOf(error)}\n`),
    );
  };
}

/** Reads the body, and sends what a plugin answers. */
function pass(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const pieces: Buffer[] = [];
  let octets = 0;
  request.on('data', (piece: Buffer) => {
    octets += piece.length;
    if (octets <= MOST_BODY) pieces.push(piece);
    else if (!response.headersSent) response.writeHead(413, { Connection: 'close' }).end('Too large.\n');
  });
  request.on('end', () => {
    if (octets > MOST_BODY) return;
    const { method = 'GET', url = '' } = request;
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
    );
    void answer(method, url, headers, Buffer.concat(pieces)).then((page) => {
      response.writeHead(page.status, { ...page.headers, 'content-length': page.body.length }).end(page.body);
    });
  });
}

function open(address: string, serve: (socket: Socket) => void): Promise<Endpoint> {
  const shared = { name: 'metrics', maxConnections: CONNECTIONS, busyReply: BUSY, onConnection: serve };
  if (address.startsWith('unix:')) {
    const path = address.slice('unix:'.length);
    return listenUnix({ ...shared, path, mode: 0o600, uid: undefined, gid: undefined, onRefused: () => {} });
  }
  const [, v6, v4 = '', port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address) ?? [];
  return listen({ ...shared, address: v6 ?? v4, port: Number(port), maxPerIp: 0, tls: { mode: 'none' } });
}

const closed = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
