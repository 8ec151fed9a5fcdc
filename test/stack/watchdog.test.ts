/**
 * The watchdog of `posthorn start`, against a plugin that never comes back. Each server of its own, all at the same
 * time: a stall takes 10 s.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { finish, type Launched, launch } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';

const MAIN =
  'compatibility_level = 3.6\nmyhostname = mail.example.test\nmyorigin = $mydomain\nmydestination = $mydomain\ninet_interfaces = 127.0.0.1\nmynetworks = 127.0.0.1/32\nalias_maps =\nrelayhost = [127.0.0.1]:1\n';
/** A sender's name chooses how the plugin stands. */
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
  log(): string;
}

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const clean of cleanups) await clean();
});

/** Offsets are taken one after the other, so that two servers do not find the same free. */
let turn: Promise<unknown> = Promise.resolve();

function start(environment: Readonly<Record<string, string>> = {}): Promise<Server> {
  const starting = turn.then(async () => {
    const folders = makeFolders({
      'main.cf': MAIN,
      plugins: 'restrictions\nrewriting\nendless\n',
      'plugins.d/endless/index.ts': PLUGIN,
    });
    const offset = await freeOffset();
    const where = ['--config', folders.config, '--data', folders.data];
    const launched = launch(['start', ...where, '--port-offset', String(offset), '--quiet'], environment);
    cleanups.push(async () => {
      launched.child.kill('SIGKILL');
      await launched.exited;
      rmSync(folders.root, { recursive: true, force: true });
    });
    await launched.shows(/Ctrl-C stops/);
    // The watchdog is started behind the start.
    await delay(500);
    return {
      launched,
      data: folders.data,
      port: (wellKnown: number) => wellKnown + offset,
      log: () => readFileSync(join(folders.data, 'log/mail.jsonl'), 'utf8'),
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

/** Makes the plugin stand; nobody waits for its answer. */
async function stand(server: Server): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25) });
  await client.smtp();
  await client.smtp('EHLO client.example');
  client.send('MAIL FROM:<loop@example.org>');
  await delay(200);
}

describe.concurrent('a plugin that never comes back', { timeout: 60_000 }, () => {
  it('has the server restarted in place: it serves again, lost nothing, and the log names the plugin and its line', async () => {
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
    expect([status.code, status.err]).toEqual([
      1,
      expect.stringMatching(
        /has not answered for 10 s: its event loop is blocked|closed the connection without an answer/,
      ),
    ]);
    await server.launched.shows(/Ctrl-C stops.*Ctrl-C stops/s);
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
    const entry = server
      .log()
      .split('\n')
      .map(
        (line) =>
          (line === '' ? {} : JSON.parse(line)) as {
            readonly msg?: string;
            readonly running?: string;
            readonly stack?: readonly string[];
          },
      )
      .find(({ msg }) => msg?.startsWith('watchdog: '));
    expect(entry?.running).toBe('plugin endless, hook mail');
    expect(entry?.msg).toMatch(
      /^watchdog: the event loop was blocked for 1\d s in plugin endless, hook mail; restarting; the main thread is in spin \(/,
    );
    expect(entry?.stack?.[0]).toMatch(/^spin \(.*plugins\.d\/endless\/index\.ts:\d+:\d+\)$/);
    expect(server.launched.stderr()).toContain('error: watchdog: the event loop was blocked for 1');
  });

  it('ends it with exit code 70 where a supervisor restarts', async () => {
    const server = await start({ POSTHORN_WATCHDOG: 'exit' });
    await stand(server);
    expect(await server.launched.exited).toBe(70);
    expect(server.launched.stderr()).toContain(
      'in plugin endless, hook mail; ending with exit code 70; the main thread is in spin (',
    );
  });

  it('ends it after too many restarts', async () => {
    const now = Date.now();
    const server = await start({ POSTHORN_RESTARTS: [1, 2, 3, 4, 5].map((ago) => now - ago).join(',') });
    await stand(server);
    expect(await server.launched.exited).toBe(70);
  });
});

describe.concurrent('the watchdog leaves alone', { timeout: 60_000 }, () => {
  it('a process that was suspended', async () => {
    const server = await start();
    process.kill(server.launched.pid, 'SIGSTOP');
    await delay(12_000);
    process.kill(server.launched.pid, 'SIGCONT');
    await delay(3_000);
    expect((await smtp(server, 'EHLO client.example', 'MAIL FROM:<b@example.org>')).at(-1)).toBe('250 2.1.0 Ok');
    expect(server.log()).not.toContain('watchdog');
  });

  it('a process with a debugger, and one whose watchdog is off', async () => {
    const servers = [await start({ NODE_OPTIONS: '--inspect=127.0.0.1:0' }), await start({ POSTHORN_WATCHDOG: 'off' })];
    for (const server of servers) await stand(server);
    await delay(14_000);
    for (const server of servers) {
      expect(server.launched.child.exitCode).toBeNull();
      expect(server.log()).not.toContain('watchdog');
    }
  });
});
