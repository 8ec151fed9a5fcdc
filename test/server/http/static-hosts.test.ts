import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { staticHosts } from '../../../src/server/http/static-hosts.ts';
import { type HttpHouse, openHttp } from './house.ts';

let house: HttpHouse;
beforeEach(async () => {
  house = await openHttp(staticHosts);
});
afterEach(() => house.close());

describe('static hosts', () => {
  it('L5: serves the page of each host name, and of its aliases', async () => {
    expect(await house.get('www.baidu.com', '/')).toMatchObject({ status: 200, body: "It's www.baidu.com\n" });
    expect(await house.get(`WWW2.baidu.com:${house.port}`, '/index.html')).toMatchObject({
      status: 200,
      body: "It's www.baidu.com\n",
    });
  });

  it.each([
    ['a host that is not served', 'www.qq.com', '/', 421],
    ['a missing file', 'www.baidu.com', '/nothing', 404],
    ['a hidden file', 'www.baidu.com', '/.secret/key', 404],
    ['a path that leaves the folder', 'www.baidu.com', '/../outside.txt', 404],
    ['a percent-encoded path that leaves the folder', 'www.baidu.com', '/%2e%2e/outside.txt', 404],
  ])('refuses %s', async (_what, host, path, status) => {
    expect((await house.get(host, path)).status).toBe(status);
  });

  it('refuses methods other than GET and HEAD', async () => {
    expect((await house.get('www.baidu.com', '/', 'POST')).status).toBe(405);
  });

  it('serves a new host folder after a reload', async () => {
    mkdirSync(join(house.directory, 'new.example'));
    writeFileSync(join(house.directory, 'new.example', 'index.html'), 'new');
    expect((await house.get('new.example', '/')).status).toBe(421);
    house.http.reload();
    expect((await house.get('new.example', '/')).body).toBe('new');
  });
});
