import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redirectHosts } from '../../../src/server/http/redirect-hosts.ts';
import { type HttpHouse, openHttp } from './house.ts';

let house: HttpHouse;
beforeAll(async () => {
  house = await openHttp((hosts) => redirectHosts(hosts, 443));
  const folder = join(house.directory, 'www.baidu.com', '.well-known', 'acme-challenge');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'token'), 'token.key');
});
afterAll(() => house.close());

describe('http://', () => {
  it.each([
    ['the first page', 'GET', '/', '/'],
    ['a page with a query', 'GET', '/a/b?c=d&e=//x', '/a/b?c=d&e=//x'],
    ['a page that is missing', 'HEAD', '/nothing', '/nothing'],
    ['a form that is sent', 'POST', '/form', '/form'],
    ['a path that looks like a host', 'GET', '//evil.example/', '//evil.example/'],
    ['a target that names another host', 'GET', 'http://evil.example/x', '/x'],
    ['octets that would end the field', 'GET', '/%0d%0aSet-Cookie:x', '/%0d%0aSet-Cookie:x'],
    ['a challenge by a detour', 'GET', '/.well-known/acme-challenge/../x', '/.well-known/x'],
  ])('L5: redirects to HTTPS, the same host and path: %s', async (_what, method, path, expected) => {
    const { status, headers } = await house.get('www.baidu.com', path, method);
    // An absolute target stands for the Host field (RFC 9112 section 3.2.2).
    expect([status, headers.location]).toEqual([308, `https://www.baidu.com${expected}`]);
  });

  it('redirects an alias to itself, whatever case and port the client wrote', async () => {
    expect((await house.get('WWW2.baidu.com:8080', '/x')).headers.location).toBe('https://www2.baidu.com/x');
  });

  it('redirects no host that is not served', async () => {
    const { status, headers } = await house.get('evil.example', '/');
    expect([status, headers.location]).toEqual([421, undefined]);
  });

  it('answers challenges itself, and shows no other file', async () => {
    const at = '/.well-known/acme-challenge/';
    expect(await house.get('www.baidu.com', `${at}token`)).toMatchObject({ status: 200, body: 'token.key' });
    expect(await house.get('www.baidu.com', `${at}missing`)).toMatchObject({ status: 404 });
    expect(await house.get('www.baidu.com', `${at}token`, 'POST')).toMatchObject({ status: 405 });
    for (const path of [`${at}..%2f..%2findex.html`, `${at}%2e%2e/%2e%2e/index.html`])
      expect((await house.get('www.baidu.com', path)).status, path).not.toBe(200);
  });

  it('names the port of HTTPS where it is another', async () => {
    const other = await openHttp((hosts) => redirectHosts(hosts, 10_443));
    expect((await other.get('www.baidu.com', '/x')).headers.location).toBe('https://www.baidu.com:10443/x');
    await other.close();
  });
});
