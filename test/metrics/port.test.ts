import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MetricsPort } from '../../src/metrics/port.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';

const WELL_KNOWN = 25;
const DEFAULT = async (): Promise<string> => 'x 1\n';
let collect = DEFAULT;
let port: MetricsPort | null = null;
afterEach(async () => {
  await port?.[Symbol.asyncDispose]();
  collect = DEFAULT;
});

interface Place {
  readonly port?: number;
  readonly socketPath?: string;
}
const get = (place: Place, path = '/metrics', method = 'GET'): Promise<readonly [number | undefined, string]> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', ...place, path, method, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve([response.statusCode, text]));
    });
    sent.on('error', reject).end();
  });

async function open(): Promise<number> {
  const offset = await freeOffset();
  port = new MetricsPort(() => collect());
  expect(await port.become(`127.0.0.1:${WELL_KNOWN}`, offset)).toEqual([]);
  return WELL_KNOWN + offset;
}

describe('metrics_listen', () => {
  it('answers GET /metrics and nothing else', async () => {
    const at = { port: await open() };
    expect(await get(at, '/metrics?x=1')).toEqual([200, 'x 1\n']);
    expect((await get(at, '/metrics', 'POST'))[0]).toBe(405);
    for (const path of ['/', '/metrics/../x', '//metrics']) expect((await get(at, path))[0], path).toBe(404);
  });

  it('collects once for all who ask at the same time', async () => {
    const at = { port: await open() };
    const slow = Promise.withResolvers<string>();
    let calls = 0;
    collect = () => {
      calls += 1;
      return slow.promise;
    };
    const asked = Array.from({ length: 5 }, () => get(at));
    await expect.poll(() => calls).toBe(1);
    slow.resolve('x 1\n');
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 5 }, () => [200, 'x 1\n']));
  });

  it('says that something failed, and answers the next time', async () => {
    const at = { port: await open() };
    collect = () => Promise.reject(new Error('the store is away'));
    expect(await get(at)).toEqual([503, 'the store is away\n']);
    collect = async () => 'x 2\n';
    expect(await get(at)).toEqual([200, 'x 2\n']);
  });

  it('refuses a request of endless fields', async () => {
    const at = await open();
    const answer = new Promise((resolve) => {
      const sent = request(
        { host: '127.0.0.1', port: at, path: '/metrics', headers: { x: 'x'.repeat(20_000) } },
        (response) => resolve(response.statusCode),
      );
      sent.on('error', () => resolve('closed')).end();
    });
    expect([431, 'closed']).toContain(await answer);
  });

  it('takes a UNIX socket that only its owner may open, and leaves it when it moves', async () => {
    const folder = temporaryFolder('metrics');
    const socketPath = join(folder, 'metrics.sock');
    port = new MetricsPort(() => collect());
    expect(await port.become(`unix:${socketPath}`, 0)).toEqual([]);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect((await get({ socketPath }))[0]).toBe(200);
    await port.become('', 0);
    expect(existsSync(socketPath)).toBe(false);
    removeFolder(folder);
  });

  it('warns where another program listens, and where others may read', async () => {
    const offset = await freeOffset();
    const other = createServer().listen(WELL_KNOWN + offset, '127.0.0.1');
    port = new MetricsPort(() => collect());
    expect(await port.become(`127.0.0.1:${WELL_KNOWN}`, offset)).toEqual([
      expect.stringMatching(/^warning: metrics_listen: metrics: cannot listen on 127\.0\.0\.1:\d+ \(EADDRINUSE\)/),
    ]);
    other.close();
    expect(await port.become(`127.0.0.1:${WELL_KNOWN}`, offset)).toEqual([]);
    const [outside] = await port.become(`0.0.0.0:${WELL_KNOWN}`, offset);
    expect(outside).toMatch(/^warning: metrics_listen = 0\.0\.0\.0:\d+: everybody who reaches that address/);
  });
});
