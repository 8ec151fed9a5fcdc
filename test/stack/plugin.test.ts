/**
 * The plugin of the README, as printed there, in a configuration folder outside the checkout; and misbehaving plugins.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\n';

/** The folder that the README uses for the plugin, the line to add and its file, and the code. */
function example(): { readonly path: string; readonly line: string; readonly list: string; readonly code: string } {
  const section = README.slice(README.indexOf('## A plugin in ten lines'));
  const [, path = '', line = '', list = ''] =
    /`config\/(plugins\.d\/[^`]+)`, and the line `([^`]+)` in the file `config\/([^`]+)`/.exec(section) ?? [];
  return { path, line, list, code: /```ts\n([\s\S]*?)```/.exec(section)?.[1] ?? '' };
}

let server: TestServer;
let offset: number;
beforeAll(async () => {
  offset = await freeOffset();
  server = await startServer({
    files: { 'main.cf': MAIN, plugins: 'restrictions\nrewriting\n' },
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao' },
  });
});
afterAll(() => server.stop());

function write(path: string, text: string): void {
  mkdirSync(dirname(join(server.folders.config, path)), { recursive: true });
  writeFileSync(join(server.folders.config, path), text);
}

/** Loads these plugins after the built-in ones. */
async function reload(...names: readonly string[]): Promise<void> {
  write('plugins', ['restrictions', 'rewriting', ...names, ''].join('\n'));
  expect(await finish(['reload', '--data', server.folders.data])).toMatchObject({ code: 0, err: '' });
}

/** The replies to a complete small message. */
async function answers(to = 'maomao@example.test', localAddress = '127.0.0.1'): Promise<string[]> {
  const smtp = await LineClient.connect({ host: '127.0.0.1', port: 25 + offset, localAddress });
  await smtp.smtp();
  const given: string[] = [];
  for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', `RCPT TO:<${to}>`, 'DATA'])
    given.push(await smtp.smtp(command));
  if (given.at(-1)?.startsWith('354') === true) {
    smtp.send('Subject: x\r\n\r\nHello.');
    given.push(await smtp.smtp('.'));
  }
  smtp.close();
  return given.slice(1);
}

describe("the README's plugin in ten lines", () => {
  it('has ten lines and works as printed', async () => {
    const { path, line, list, code } = example();
    expect([path, line, list]).toEqual(['plugins.d/no-mondays/index.ts', 'no-mondays', 'plugins']);
    expect(
      code
        .trim()
        .split('\n')
        .filter((text) => text.trim() !== '').length,
    ).toBeLessThanOrEqual(10);
    write(path, code);
    await reload(line);
    const monday = new Date().getDay() === 1;
    expect((await answers())[0]).toBe(monday ? '550 5.7.1 Not on Mondays' : '250 2.1.0 Ok');
  });

  it('refuses mail on the day that it is meant for', async () => {
    const { path, line, code } = example();
    expect(code).toContain('=== 1');
    write(path, code.replace('=== 1', `=== ${new Date().getDay()}`));
    await reload(line);
    expect((await answers())[0]).toBe('550 5.7.1 Not on Mondays');
    await reload();
    expect((await answers())[0]).toBe('250 2.1.0 Ok');
  });
});

describe('G6: a plugin that fails is contained', () => {
  const plugin = (name: string, body: string): void =>
    write(
      `plugins.d/${name}/index.ts`,
      `import { definePlugin, OK, NEXT } from 'posthorn/plugin';\nexport default definePlugin({ name: '${name}', register(server) {\n${body}\n} });\n`,
    );

  it.each([
    ['throws', "server.on('rcpt', () => { throw new Error('out of cheese'); });"],
    ['rejects', "server.on('rcpt', async () => { throw new Error('out of cheese'); });"],
    ['hangs', "server.on('rcpt', () => new Promise(() => {}));"],
    ['babbles', "server.on('rcpt', () => ({ code: 'MAYBE', reply: 42 }) as never);"],
    ['nothing', "server.on('rcpt', () => undefined as never);"],
    ['riddles', "server.on('rcpt', async () => { throw Object.assign(new Error('x'), { message: { a: 1 } }); });"],
  ])('a plugin that %s defers the mail, or is skipped with onError: pass', async (name, body) => {
    plugin(name, body);
    write(`plugins.d/${name}.json`, '{ "deadline": 0.3 }');
    await reload(name);
    const answer = (await answers())[1];
    expect(answer).toMatch(/^451 4\.3\.0 /);
    expect((await answers('x@elsewhere.test', '127.0.1.77'))[1]).toMatch(/^4\d\d 4\.\d\.\d /);
    write(`plugins.d/${name}.json`, '{ "deadline": 0.3, "onError": "pass" }');
    await reload(name);
    expect(await answers()).toEqual([
      '250 2.1.0 Ok',
      '250 2.1.5 Ok',
      '354 End data with <CR><LF>.<CR><LF>',
      expect.stringMatching(/^250 2\.0\.0 Ok: queued as /),
    ]);
    // The log is written a moment later.
    await expect
      .poll(async () => (await finish(['log', '--data', server.folders.data, '-n', '200'])).out, { timeout: 10_000 })
      .toContain(name);
    expect((await finish(['status', '--data', server.folders.data, '--json'])).code).toBe(0);
  });

  it('whatever a plugin throws at MAIL, no transaction remains; a reload and a stop do not wait for it', async () => {
    plugin(
      'hostile',
      "server.on('mail', async () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy; });",
    );
    await reload('hostile');
    expect(await answers()).toEqual([
      expect.stringMatching(/^451 4\.3\.0 /),
      expect.stringMatching(/^503 5\.5\.1 /),
      expect.stringMatching(/^503 5\.5\.1 /),
    ]);
    await reload();
    expect((await answers()).at(-1)).toMatch(/^250 2\.0\.0 /);
  });

  it('a plugin without any hook is a fault that refuses the reload, with its line in the list', async () => {
    plugin('misspelt', "(server.on as any)('mial', () => NEXT);");
    write('plugins', 'restrictions\nrewriting\n\nmisspelt\n');
    const refused = await finish(['reload', '--data', server.folders.data]);
    expect([refused.code, refused.err]).toEqual([
      78,
      expect.stringMatching(
        /plugins:4: plugin misspelt: server\.on\("mial"\): there is no such hook; did you mean mail\?/,
      ),
    ]);
    await reload();
  });

  it('log lines of a plugin have its name and fields', async () => {
    plugin(
      'chatty',
      "server.on('mail', ({ reversePath }) => { server.log.info({ sender: reversePath, wait: 300 }, 'first seen'); return NEXT; });",
    );
    await reload('chatty');
    await answers();
    const log = async (): Promise<string> => (await finish(['log', '--data', server.folders.data, '-n', '200'])).out;
    await expect
      .poll(log, { timeout: 10_000 })
      .toMatch(/ posthorn\/plugin\/chatty\[\d+\]: first seen sender=a@example\.org wait=300\n/);
    await reload();
  });

  it('a plugin whose background work fails later does not end the process', async () => {
    plugin(
      'later',
      "server.on('mail', () => { setTimeout(() => { throw new Error('too late'); }, 1); Promise.reject(new Error('nobody waits')); Promise.reject(Object.assign(new Error(), { message: {}, stack: {} })); return NEXT; });",
    );
    await reload('later');
    expect((await answers()).at(-1)).toMatch(/^250 2\.0\.0 /);
    await reload();
    expect((await answers()).at(-1)).toMatch(/^250 2\.0\.0 /);
    await expect
      .poll(async () => (await finish(['log', '--data', server.folders.data, '-n', '200'])).out, { timeout: 10_000 })
      .toMatch(/too late/);
  });

  it('G3: without any plugin, strangers cannot relay', async () => {
    write('plugins', '# none\n');
    expect(await finish(['reload', '--data', server.folders.data])).toMatchObject({ code: 0, err: '' });
    expect((await answers('x@elsewhere.test', '127.0.1.77'))[1]).toMatch(
      /^[45]54 [45]\.7\.1 <x@elsewhere\.test>: Relay access denied$/,
    );
    expect((await answers('x%elsewhere.test@example.test', '127.0.1.77'))[1]).toMatch(/^[45]\d\d /);
    expect((await answers()).at(-1)).toMatch(/^250 2\.0\.0 /);
  });
});
