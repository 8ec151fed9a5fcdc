/** `posthorn plugin state`, with the real program: what a plugin remembers is shown and removed by command. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { runCommand, startServer, type TestServer } from '../kit/server.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Remembers under the HELO name, and 1001 entries if that is `many`. */
const NOTER = `import { definePlugin, NEXT } from 'posthorn/plugin';
export default definePlugin({ name: 'noter', register(server) {
  server.on('mail', async ({ connection }) => {
    if (connection.helo === 'many.test')
      for (let i = 0; i <= 1000; i += 1) await server.state.set('n/' + String(i).padStart(4, '0'), i);
    else await server.state.set('helo/' + connection.helo, { seen: 'x'.repeat(100) }, { expires: 3600 });
    await server.state.set('\\u009b2J', '你好\\u0085');
    return NEXT;
  });
} });\n`;

let server: TestServer;

async function mailFrom(helo: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25), timeoutMs: 30_000 });
  await client.smtp();
  await client.smtp(`EHLO ${helo}`);
  expect(await client.smtp('MAIL FROM:<a@elsewhere.test>')).toMatch(/^250/);
  client.close();
}
const state = (...words: readonly string[]) => server.command(['plugin', 'state', ...words]);

beforeAll(async () => {
  server = await startServer({
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'sesame' },
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydomain = example.test\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\n',
      plugins: 'noter\nrestrictions\nrewriting\n',
      'plugins.d/noter/index.ts': NOTER,
    },
  });
});
afterAll(() => server?.stop());

it('what a plugin remembers is listed with its time of expiry, and values are shortened', async () => {
  expect(await state('noter')).toBe('Plugin noter remembers nothing.\n');
  await mailFrom('a.test');
  const lines = (await state('noter')).split('\n');
  expect(lines[2]).toMatch(/^helo\/a\.test {2,}\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ {2}\{"seen":"x{51}…$/);
  // Nothing that a terminal would act on.
  expect(lines[3]).toMatch(/^"\\u\{9b\}2J" {2,}always {16}"你好\\u\{85\}"$/);
});

it('one value is shown whole with --key, and all of them with --json', async () => {
  const value = { seen: 'x'.repeat(100) };
  expect(JSON.parse(await state('noter', '--key', 'helo/a.test'))).toEqual(value);
  expect(JSON.parse(await state('noter', '--key', 'helo/a.test', '--json'))).toEqual({
    plugin: 'noter',
    key: 'helo/a.test',
    value,
  });
  expect(JSON.parse(await state('noter', '--json'))).toEqual({
    plugin: 'noter',
    entries: [
      { key: 'helo/a.test', value, expires: expect.stringMatching(/^\d{4}-/) },
      { key: '\u009b2J', value: '你好\u0085', expires: null },
    ],
    more: null,
  });
});

it('what is not there is an error with a way on', async () => {
  await expect(state('noter', '--key', 'b')).rejects.toThrow(
    'plugin noter remembers nothing under "b"; "posthorn plugin state noter" shows its keys',
  );
  await expect(state('noter', '--delete', 'b')).rejects.toThrow('remembers nothing under "b"');
  await expect(state('notr')).rejects.toThrow('there is no plugin notr; did you mean noter?');
  await expect(state('jobs:noter')).rejects.toThrow('no plugin has a space or a colon in its name');
  await expect(state('noter', '--key', 'a', '--delete', 'a')).rejects.toThrow(
    'use only one of --key, --delete and --after',
  );
});

it('1000 keys are listed at once, and it is said how to see the others', async () => {
  await mailFrom('many.test');
  const listed = await state('noter', '--after', 'helo/a.test');
  expect(listed).toContain('\nn/0999 ');
  expect(listed.trimEnd().split('\n').at(-1)).toBe('There are more: posthorn plugin state noter --after n/0999');
  expect((await state('noter', '--after', 'n/0999')).split('\n')[2]).toMatch(/^n\/1000 {2,}always {2}1000$/);
});

it('an entry is removed by command, also in the store of a server that does not run', async () => {
  const place = ['--config', server.folders.config, '--data', server.folders.data];
  expect(await state('noter', '--delete', 'n/0000')).toBe('Plugin noter no longer remembers n/0000.\n');
  expect(await state('noter', '--after', 'helo/a.test')).not.toContain('n/0000');
  await server.stop({ keep: true });
  const offline = (...words: string[]) => runCommand(['plugin', 'state', 'noter', ...words, ...place]);
  expect(await offline('--key', 'n/0001')).toBe('1\n');
  expect(await offline('--delete', 'n/0001')).toBe('Plugin noter no longer remembers n/0001.\n');
  await expect(offline('--key', 'n/0001')).rejects.toThrow('remembers nothing under "n/0001"');
});
