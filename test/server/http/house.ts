/** An HttpServer on a port of loopback, over a folder with the sites of the exercise. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { HttpServer, type HttpServerOptions } from '../../../src/server/http/server.ts';
import { temporaryFolder } from '../../kit/folder.ts';
import { quietLog } from '../../kit/log.ts';

interface Response {
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpHouse {
  readonly http: HttpServer;
  /** Has the host folders. */
  readonly directory: string;
  readonly port: number;
  get(host: string, path: string, method?: string): Promise<Response>;
  close(): Promise<void>;
}

export async function openHttp(appOf: HttpServerOptions['appOf']): Promise<HttpHouse> {
  const directory = temporaryFolder('www');
  mkdirSync(join(directory, 'www.baidu.com', '.secret'), { recursive: true });
  writeFileSync(join(directory, 'www.baidu.com', 'index.html'), "It's www.baidu.com\n");
  writeFileSync(join(directory, 'www.baidu.com', '.secret', 'key'), 'key');
  symlinkSync('www.baidu.com', join(directory, 'www2.baidu.com'));
  writeFileSync(join(directory, 'outside.txt'), 'outside');
  const http = new HttpServer({ directory, appOf, log: quietLog });
  const listener = createServer((socket) => http.serve(socket));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    http,
    directory,
    port,
    get: (host, path, method = 'GET') =>
      new Promise((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false }, (response) => {
          let body = '';
          response.setEncoding('utf8');
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
        });
        sent.on('error', reject);
        sent.end();
      }),
    close: async () => {
      listener.close();
      await http.close(100);
    },
  };
}
