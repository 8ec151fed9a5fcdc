import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer as createNetServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../../src/server/http/server.ts';
import { temporaryFolder } from '../../kit/folder.ts';
import { quietLog } from '../../kit/log.ts';

let directory: string;
let http: HttpServer;
let listener: Server;
let port: number;

beforeEach(async () => {
  directory = temporaryFolder('www');
  mkdirSync(join(directory, 'www.baidu.com', '.secret'), { recursive: true });
  writeFileSync(join(directory, 'www.baidu.com', 'index.html'), "It's www.baidu.com\n");
  writeFileSync(join(directory, 'www.baidu.com', '.secret', 'key'), 'key');
  symlinkSync('www.baidu.com', join(directory, 'www2.baidu.com'));
  writeFileSync(join(directory, 'outside.txt'), 'outside');
  http = new HttpServer({ directory, log: quietLog });
  listener = createNetServer((socket) => http.serve(socket));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;
});

afterEach(async () => {
  listener.close();
  await http.close(100);
});

function get(host: string, path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

describe('static hosts', () => {
  it('L5: serves the page of each host name, and of its aliases', async () => {
    expect(await get('www.baidu.com', '/')).toEqual({ status: 200, body: "It's www.baidu.com\n" });
    expect(await get(`WWW2.baidu.com:${port}`, '/index.html')).toEqual({ status: 200, body: "It's www.baidu.com\n" });
  });

  it.each([
    ['a host that is not served', 'www.qq.com', '/', 421],
    ['a missing file', 'www.baidu.com', '/nothing', 404],
    ['a hidden file', 'www.baidu.com', '/.secret/key', 404],
    ['a path that leaves the folder', 'www.baidu.com', '/../outside.txt', 404],
    ['a percent-encoded path that leaves the folder', 'www.baidu.com', '/%2e%2e/outside.txt', 404],
  ])('refuses %s', async (_what, host, path, status) => {
    expect((await get(host, path)).status).toBe(status);
  });

  it('refuses methods other than GET and HEAD', async () => {
    expect((await get('www.baidu.com', '/', 'POST')).status).toBe(405);
  });

  it('serves a new host folder after a reload', async () => {
    mkdirSync(join(directory, 'new.example'));
    writeFileSync(join(directory, 'new.example', 'index.html'), 'new');
    expect((await get('new.example', '/')).status).toBe(421);
    http.reload();
    expect((await get('new.example', '/')).body).toBe('new');
  });
});
