/** What plugins may do over HTTP: ask, within limits, and answer below /plugins/. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HttpSend, MOST_AT_ONCE, PluginHttp } from '../../src/bus/lent/http.ts';
import { RouteTable } from '../../src/bus/lent/routes.ts';
import { counters } from '../../src/counters.ts';
import { httpSender } from '../../src/net/http-client.ts';
import { type TraceStep, traced } from '../../src/tracing.ts';
import { recordLog } from '../kit/log.ts';
import { resolverOf } from '../kit/resolver.ts';
import { faultsOf, plugin, pluginFolder } from './plugin-folder.ts';

describe('server.http', () => {
  let server: Server;
  let port: number;
  const http = new PluginHttp('p', httpSender(resolverOf({ 'A api.example.org': ['127.0.0.1'] } as never)));
  const at = (path: string): string => `http://127.0.0.1:${port}${path}`;
  const seen: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const { method, url = '', headers } = request;
        seen.push(`${method} ${url} ${headers.authorization ?? '-'} ${headers['content-type'] ?? '-'}`);
        const to = /^\/to\?(.*)$/.exec(url)?.[1];
        if (to !== undefined) response.writeHead(302, { location: decodeURIComponent(to) }).end();
        else if (url === '/loop') response.writeHead(307, { location: '/loop' }).end();
        else if (url === '/hang') response.write('x');
        else if (url === '/cut')
          response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy());
        else if (url === '/long') response.end(Buffer.alloc(100_000));
        else
          response
            .writeHead(url === '/404' ? 404 : 200, { 'X-Two': ['a', 'b'] })
            .end(JSON.stringify({ body: Buffer.concat(pieces).toString() }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('gives the answer, whatever its status, and counts it', async () => {
    const result = (label: string): number =>
      counters.pluginRequests.family.samples.find(({ labels }) => labels['result'] === label)?.value ?? 0;
    const before = [result('2xx'), result('4xx'), result('failed')];
    const answer = await http.fetch(at('/a'), { method: 'post', headers: { 'Content-Type': 'text/x' }, body: 'ä' });
    expect([answer.status, answer.json(), answer.headers['x-two']]).toEqual([200, { body: 'ä' }, 'a, b']);
    expect((await http.fetch(new URL(at('/404')))).status).toBe(404);
    await expect(http.fetch('http://127.0.0.1:1/')).rejects.toThrow('GET 127.0.0.1:1: connect ECONNREFUSED');
    expect([result('2xx'), result('4xx'), result('failed')]).toEqual(before.map((count) => count + 1));
    expect(seen).toContain('POST /a - text/x');
  });

  it('asks the resolver of the server for names', async () => {
    const resolver = { a: async () => ['127.0.0.1'], aaaa: async () => Promise.reject(new Error('none')) };
    const own = new PluginHttp('p', httpSender(resolver));
    expect((await own.fetch(`http://api.example.invalid:${port}/`)).status).toBe(200);
  });

  it.each([
    ['/hang', { timeout: 0.05 }, /^GET 127\.0\.0\.1:\d+: no answer within 0\.05 s$/],
    ['/long', { maxBytes: 1000 }, /: the answer has more than 1000 octets$/],
    ['/cut', {}, /: (the answer ends too early|aborted|socket hang up)$/],
    ['/loop', {}, /: more than 5 redirects$/],
    ['/loop', { redirect: 'error' as const }, /: it redirects to \//],
    [`/to?${encodeURIComponent('https://127.0.0.1/')}`, {}, /: a redirect from http: to https:$/],
    [`/to?${encodeURIComponent('file:///etc/passwd')}`, {}, /: a redirect from http: to file:$/],
  ])('%s with %o fails, and says why', async (path, options, message) =>
    expect(http.fetch(at(path), options)).rejects.toThrow(message),
  );

  it.each([
    ['file:///etc/passwd', {}],
    ['/a', {}],
    ['http://127.0.0.1/', { method: 'CONNECT' }],
    ['http://127.0.0.1/', { timeout: 301 }],
    ['http://127.0.0.1/', { maxBytes: 1e9 }],
    ['http://127.0.0.1/', { headers: { 'X-Y': 'a\r\nB: c' } }],
  ])('%s with %o is not sent', async (url, options) => expect(http.fetch(url, options)).rejects.toThrow());

  it('shows a password to the host of the URL alone', async () => {
    seen.length = 0;
    const { port: other } = server.address() as AddressInfo;
    const away = encodeURIComponent(`http://127.0.0.2:${other}/there`);
    await http.fetch(`http://me:p%40ss@127.0.0.1:${port}/to?${encodeURIComponent('/here')}`);
    await http.fetch(`http://me:p%40ss@127.0.0.1:${port}/to?${away}`).catch(() => {});
    expect(seen.filter((line) => line.includes('ere'))).toContain(`GET /here Basic ${btoa('me:p@ss')} -`);
    expect(seen.some((line) => line.includes('/there Basic'))).toBe(false);
  });

  it('G14: sends a limited number at once; others wait for their turn', async () => {
    let [now, most] = [0, 0];
    const send: HttpSend = async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return { status: 200, headers: {}, body: Buffer.alloc(0) };
    };
    const own = new PluginHttp('p', send);
    await Promise.all(Array.from({ length: 100 }, () => own.fetch('http://127.0.0.1/')));
    expect(most).toBe(MOST_AT_ONCE);
  });

  it('ends with the plugin', async () => {
    const own = new PluginHttp('p', httpSender(resolverOf()));
    const pending = own.fetch(at('/hang'));
    pending.catch(() => {});
    own.close();
    await expect(pending).rejects.toThrow('the plugin is closed');
  });

  it('sends nothing for a message that does not exist', async () => {
    const steps: TraceStep[] = [];
    const before = seen.length;
    const asked = traced({ hypothetical: true, add: (step) => steps.push(step) }, () => http.fetch(at('/a')));
    await expect(asked).rejects.toThrow('nothing is sent for a message that does not exist');
    expect([seen.length - before, steps]).toEqual([
      0,
      [{ kind: 'log', text: `plugin p: nothing is sent to 127.0.0.1:${port}` }],
    ]);
  });
});

describe('server.route', () => {
  const { log, lines } = recordLog();
  const table = new RouteTable(log);
  const ask = async (method: string, url: string, body = ''): Promise<string> => {
    const { status, headers, body: text } = await table.answer(method, url, { host: 'a.example' }, Buffer.from(body));
    return `${status} ${headers['content-type']} ${text}`;
  };
  const add = (path: string, handler: unknown, method: 'GET' | 'POST' = 'GET'): boolean =>
    table.add({ plugin: 'p', method, path, handler: handler as never, deadline: 10 });

  it('answers below the name of its plugin, and only there', async () => {
    add('/hello', ({ query, headers, path }: never) => ({ body: `${path} ${query} ${JSON.stringify(headers)}` }));
    add(
      '/hook',
      async ({ body }: { body: Buffer }) => ({ status: 202, headers: { 'Content-Type': 'x/y' }, body }),
      'POST',
    );
    expect(add('/hook', () => ({}), 'POST')).toBe(false);
    expect(await ask('GET', '/plugins/p/hello?a=1')).toBe(
      '200 text/plain; charset=utf-8 /hello a=1 {"host":"a.example"}',
    );
    expect(await ask('POST', '/plugins/p/hook', 'x')).toBe('202 x/y x');
    expect(await ask('HEAD', '/plugins/p/hello')).toMatch(/^200 /);
    expect(await ask('GET', '/plugins/p/hook')).toMatch(/^405 /);
    expect(await ask('GET', '/plugins/q/hello')).toMatch(/^404 /);
    expect(await ask('GET', '/plugins/p/x/../hello')).toMatch(/^200 /);
    expect(await ask('GET', '//')).toMatch(/^404 /);
    expect(table.names).toEqual(['GET /plugins/p/hello', 'POST /plugins/p/hook']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    ['hangs', () => new Promise(() => {})],
    ['text', () => 'text'],
    ['status', () => ({ status: 99 })],
    ['body', () => ({ body: 7 })],
    ['split', () => ({ headers: { 'X-A': 'a\r\nB: c' } })],
    ['length', () => ({ headers: { 'Content-Length': '5' } })],
  ])('%s: 503, logged and counted', async (name, handler) => {
    add(`/${name}`, handler);
    expect(await ask('GET', `/plugins/p/${name}`)).toBe('503 text/plain; charset=utf-8 Service unavailable.\n');
    expect(lines.at(-1)).toContain(`plugin p: route /${name} failed: `);
  });

  it('faulty routes are faults of the plugin', async () => {
    const directory = pluginFolder({
      'plugins/a/index.ts': plugin(
        'a',
        `const route = server.route as any; const ok = () => ({});
        route('PUT', '/a', ok); route('GET', 'a', ok); route('GET', '/a/../b', ok); route('GET', '/a'); route('GET', '/b', ok); route('GET', '/b', ok);`,
      ),
    });
    expect(await faultsOf(['a'], directory)).toEqual([
      `plugin a: server.route needs 'GET' or 'POST', got "PUT"`,
      "plugin a: server.route('GET') needs a path such as /status",
      "plugin a: server.route('GET') needs a path such as /status",
      "plugin a: server.route('GET', '/a') needs a function, got undefined",
      "plugin a: server.route('GET', '/b'): there is that route already",
    ]);
  });
});
