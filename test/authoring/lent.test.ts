/** What a plugin is lent, in a running server: jobs, HTTP, routes, metrics, its configuration, and what a reload does. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/authoring/test-server.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

const folder = temporaryFolder('lent');
const FACE = JSON.stringify(join(new URL('../..', import.meta.url).pathname, 'src/bus/plugin.ts'));

const PLUGIN = `import { definePlugin, deny, NEXT, noteKey, reply, setting } from ${FACE};
const KEY = noteKey('lent.seen');
export default definePlugin({
  name: 'lent',
  config: { greeting: setting.text({ default: 'hello' }), url: setting.text({ default: 'https://api.example.org/x?a=1' }) },
  register(server) {
    const { greeting, url } = server.config;
    const runs = server.metrics.counter('runs_total', 'Runs.', ['job']);
    server.jobs.every('1 h', 'hourly', () => runs.count('hourly'));
    server.jobs.every('1 d', 'daily', () => runs.count('daily'), { once: 'per store' });
    server.on('helo', ({ connection, name }) => { connection.notes.set(KEY, name); return NEXT; });
    server.on('vrfy', async ({ connection, address }) => {
      const answer = await server.http.fetch(address.startsWith('elsewhere') ? 'https://elsewhere.example/' : url, { method: 'POST', body: address })
        .then((one) => one.status + ' ' + one.text(), (error) => error.message);
      return deny(reply(550, '5.7.1', greeting + ' ' + connection.notes.get(KEY) + ': ' + answer));
    });
    server.route('POST', '/echo', ({ body, headers }) => ({ status: 201, body: headers['host'] + ' ' + body }));
  },
});
`;

let server: TestServer;
beforeAll(async () => {
  writeFileSync(join(folder, 'lent.ts'), PLUGIN);
  server = await startTestServer({
    plugins: [join(folder, 'lent.ts')],
    http: { 'https://api.example.org/x': async ({ method, body }) => ({ status: 202, body: `${method} ${body}` }) },
  });
});
afterAll(async () => {
  await server.close();
  removeFolder(folder);
});

const vrfy = async (address: string): Promise<string> => {
  const dialog = await server.connect();
  await dialog.say('EHLO client.example.org');
  const answer = await dialog.say(`VRFY ${address}`);
  dialog.close();
  return answer;
};
const runs = (job: string): Promise<number | undefined> => server.metric('posthorn_plugin_lent_runs_total', { job });

it('G14: jobs run when the clock is moved, and again after a reload', async () => {
  await server.clock.advance({ hours: 1 });
  expect([await runs('hourly'), await runs('daily')]).toEqual([1, 1]);
  await server.reload();
  await server.clock.advance({ minutes: 59 });
  expect(await runs('hourly')).toBe(1);
  await server.clock.advance({ hours: 24 });
  expect([await runs('hourly'), await runs('daily')]).toEqual([2, 2]);
  expect(await server.metric('posthorn_hook_duration_seconds_count', { plugin: 'lent', hook: 'job hourly' })).toBe(2);
});

it('requests go only to what the test offers, and notes are read by their keys', async () => {
  expect(await vrfy('a@example.org')).toBe('550 5.7.1 hello client.example.org: 202 POST a@example.org');
  expect(await vrfy('elsewhere@example.org')).toContain(
    'nobody answers POST https://elsewhere.example/; name it in "http"',
  );
  expect(await server.metric('posthorn_plugin_http_requests_total', { plugin: 'lent', result: '2xx' })).toBe(1);
});

it('routes answer beside the metrics', async () => {
  expect(
    await server.request('POST', '/plugins/lent/echo', { body: 'x', headers: { host: 'odd.example' } }),
  ).toMatchObject({
    status: 201,
    text: 'odd.example x',
  });
  expect((await server.request('GET', '/plugins/lent/echo')).status).toBe(405);
  expect((await server.request('GET', '/plugins/other/echo')).status).toBe(404);
  expect((await server.request('GET', '/')).status).toBe(404);
  expect((await server.request('POST', '/plugins/lent/echo', { body: Buffer.alloc(1024 * 1024 + 1) })).status).toBe(
    413,
  );
});

it('G12: a reload brings another configuration; a faulty one is refused with its line, and changes nothing', async () => {
  await server.reload({ lent: { greeting: 'welcome' } });
  expect(await vrfy('a@example.org')).toContain('welcome client.example.org');
  await expect(server.reload({ lent: { greeting: 1, colour: 2 } })).rejects.toThrow(
    /lent\.json:2: plugin lent: greeting: is 1, expected text\n.*lent\.json:3: plugin lent: colour: is not known/,
  );
  expect(await vrfy('a@example.org')).toContain('welcome client.example.org');
});
