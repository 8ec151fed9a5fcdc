/**
 * The watchdog of `posthorn start` with a plugin that never returns. Every test has its own server, all run in
 * parallel: a stall takes 5 s.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder } from '../kit/folder.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { finish, type Launched, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';

const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\nrelayhost = [127.0.0.1]:1\n';
/** The sender's name chooses how the plugin blocks. */
const PLUGIN = `import { definePlugin, NEXT } from 'posthorn/plugin';
export default definePlugin({
  name: 'endless',
  register(server) {
    server.on('mail', ({ reversePath }) => {
      if (reversePath.startsWith('loop@')) spin();
      return NEXT;
    });
  },
});
function spin(): never {
  for (;;);
}
`;

interface Server {
  readonly launched: Launched;
  readonly data: string;
  readonly port: (wellKnown: number) => number;
  readonly logFile: string;
}

/** The fields read from a log line. */
interface Entry {
  readonly msg?: string;
  readonly running?: string;
  readonly stack?: readonly string[];
}

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

/** Offsets are allocated one at a time, so that two servers do not get the same one. */
let turn: Promise<unknown> = Promise.resolve();

function start(environment: Readonly<Record<string, string>> = {}): Promise<Server> {
  const starting = turn.then(async () => {
    const folders = makeFolders({
      'main.cf': MAIN,
      plugins: 'restrictions\nrewriting\nendless\n',
      'plugins.d/endless/index.ts': PLUGIN,
      'plugins.d/endless.json': '{ "worker": false }',
    });
    const offset = await freeOffset();
    const where = ['--config', folders.config, '--data', folders.data];
    const launched = launch(['start', ...where, '--port-offset', String(offset), '--quiet'], environment);
    cleanups.push(async () => {
      launched.child.kill('SIGKILL');
      await launched.exited;
      removeFolder(folders.root);
    });
    await launched.shows(/Ctrl-C stops/);
    // The watchdog starts after the rest of the start.
    await delay(500);
    return {
      launched,
      data: folders.data,
      port: (wellKnown: number) => wellKnown + offset,
      logFile: join(folders.data, 'log/mail.jsonl'),
    };
  });
  turn = starting.catch(() => {});
  return starting;
}

async function smtp({ port }: Server, ...commands: readonly string[]): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: port(25) });
  const answers = [await client.smtp()];
  for (const command of commands) answers.push(await client.smtp(command));
  client.close();
  return answers;
}

/** Makes the plugin block; does not wait for a reply. */
async function stand(server: Server): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25) });
  await client.smtp();
  await client.smtp('EHLO client.example');
  client.send('MAIL FROM:<loop@example.org>');
  await delay(200);
}

describe.concurrent('a plugin that never returns', { timeout: 120_000 }, () => {
  it('G6: makes the server restart in place: it serves again, has lost nothing, and the log names the plugin and its line', async () => {
    const server = await start();
    const message = [
      'EHLO client.example',
      'MAIL FROM:<a@example.org>',
      'RCPT TO:<admin@example.test>',
      'RCPT TO:<x@elsewhere.invalid>',
      'DATA',
    ];
    expect((await smtp(server, ...message, 'Subject: kept\r\n\r\nbody\r\n.')).at(-1)).toMatch(
      /^250 2\.0\.0 Ok: queued as /,
    );
    await stand(server);
    const status = await finish(['status', '--data', server.data]);
    expect([status.code, status.out]).toEqual([
      1,
      expect.stringMatching(/process \d+: its main thread has been blocked for \d+ s in plugin endless, hook mail\./),
    ]);
    await server.launched.shows(/Ctrl-C stops.*Ctrl-C stops/s);
    expect((await smtp(server, 'EHLO client.example', 'MAIL FROM:<b@example.org>')).at(-1)).toBe(
      '451 4.3.0 Error: service temporarily unavailable',
    );
    const left =
      /plugin endless is left out, because its hook mail blocked the server at .*"posthorn reload" brings it back/;
    expect((await finish(['status', '--data', server.data])).out).toMatch(left);
    expect((await finish(['plugin', 'list', '--data', server.data])).out).toMatch(left);
    expect(jsonLines<Entry>(server.logFile).some(({ msg }) => /^plugin endless: left out/.test(msg ?? ''))).toBe(true);
    expect((await finish(['reload', '--data', server.data])).code).toBe(0);
    expect((await smtp(server, 'EHLO client.example', 'MAIL FROM:<b@example.org>')).at(-1)).toBe('250 2.1.0 Ok');
    const again = await finish(['status', '--data', server.data, '--json']);
    expect([again.code, (JSON.parse(again.out) as { pid: number }).pid]).toEqual([0, server.launched.pid]);
    const imap = await LineClient.connect({ host: '127.0.0.1', port: server.port(143) });
    const [, address = '', password = ''] =
      /First account: (\S+)\nIts password, shown only once: (\S+)/.exec(server.launched.stdout()) ?? [];
    imap.send(`1 LOGIN ${address} ${password}\r\n2 STATUS INBOX (MESSAGES)`);
    const answers: string[] = [];
    while (!answers.at(-1)?.startsWith('2 ')) answers.push(await imap.line());
    expect(answers).toContain('* STATUS INBOX (MESSAGES 1)');
    imap.close();
    expect((await finish(['queue', 'list', '--data', server.data])).out).toContain('x@elsewhere.invalid');
    const entry = jsonLines<Entry>(server.logFile).find(({ msg }) => msg?.startsWith('watchdog: '));
    expect(entry?.running).toBe('plugin endless, hook mail');
    expect(entry?.msg).toMatch(
      /^watchdog: the event loop was blocked for \d s in plugin endless, hook mail; restarting; plugin endless is left out until .*; the main thread is in spin \(/,
    );
    expect(entry?.stack?.[0]).toMatch(/^spin \(.*plugins\.d\/endless\/index\.ts:\d+:\d+\)$/);
    expect(server.launched.stderr()).toContain('error: watchdog: the event loop was blocked for ');
  });

  it('ends the server with exit code 70 if a supervisor restarts it', async () => {
    const server = await start({ POSTHORN_WATCHDOG: 'exit' });
    await stand(server);
    expect(await server.launched.exited).toBe(70);
    expect(server.launched.stderr()).toContain(
      'in plugin endless, hook mail; ending with exit code 70; plugin endless is left out until "posthorn reload"',
    );
  });

  it('ends the server after too many restarts', async () => {
    const now = Date.now();
    const server = await start({ POSTHORN_RESTARTS: [1, 2, 3, 4, 5].map((ago) => now - ago).join(',') });
    await stand(server);
    expect(await server.launched.exited).toBe(70);
  });
});

describe.concurrent('the watchdog does not restart', { timeout: 120_000 }, () => {
  it('a process that was suspended', async () => {
    const server = await start();
    process.kill(server.launched.pid, 'SIGSTOP');
    await delay(12_000);
    process.kill(server.launched.pid, 'SIGCONT');
    await delay(3_000);
    expect((await smtp(server, 'EHLO client.example', 'MAIL FROM:<b@example.org>')).at(-1)).toBe('250 2.1.0 Ok');
    expect(readFileSync(server.logFile, 'utf8')).not.toContain('watchdog');
  });

  it('a process under a debugger, or with the watchdog off', async () => {
    const servers = [await start({ NODE_OPTIONS: '--inspect=127.0.0.1:0' }), await start({ POSTHORN_WATCHDOG: 'off' })];
    for (const server of servers) await stand(server);
    await delay(14_000);
    for (const server of servers) {
      expect(server.launched.child.exitCode).toBeNull();
      expect(readFileSync(server.logFile, 'utf8')).not.toContain('watchdog');
    }
  });
});
