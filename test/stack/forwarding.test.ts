/** Forwarding through the whole process: set by command and over IMAP, followed by mail over SMTP. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { openSink, type Sink } from '../delivery/client/sink.ts';
import { freeOffset } from '../kit/ports.ts';
import { runCommand, startServer, type TestServer } from '../kit/server.ts';

const ENTRY = '/private/vendor/posthorn/forward';

let sink: Sink;
let server: TestServer;
beforeAll(async () => {
  sink = await openSink({});
  const main = [
    'compatibility_level = 3.6',
    'myhostname = mail.example.test',
    'myorigin = $mydomain',
    'mydestination = $mydomain',
    'inet_interfaces = 127.0.0.1',
    'mynetworks = 127.0.0.0/8',
    'alias_maps =',
    'virtual_mailbox_domains = virt.test',
    'virtual_mailbox_maps = static:any',
    `relayhost = [127.0.0.1]:${sink.port}`,
    'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
    '',
  ];
  server = await startServer({
    files: { 'main.cf': main.join('\n'), 'dovecot.conf': 'mail_server_admin = mailto:postmaster@example.test\n' },
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'a', 'haha@example.test': 'a', 'me@virt.test': 'a' },
  });
});
afterAll(async () => {
  await server.stop();
  await sink.close();
});

async function imap(user: string, ...commands: readonly string[]): Promise<string[]> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(143) });
  const lines = [await client.line()];
  for (const [i, command] of [`LOGIN ${user} a`, ...commands].entries()) {
    client.send(`t${i} ${command}`);
    do lines.push(await client.line());
    while (lines.at(-1)?.startsWith(`t${i} `) !== true);
  }
  client.close();
  return lines.slice(2);
}

const messages = async (user: string): Promise<number> =>
  Number(/MESSAGES (\d+)/.exec((await imap(user, 'STATUS INBOX (MESSAGES)')).join())?.[1]);

async function send(to: string, subject: string): Promise<void> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(25) });
  await client.line();
  client.send('HELO client.example');
  await client.line();
  for (const command of ['MAIL FROM:<zs@qq.example>', `RCPT TO:<${to}>`, 'DATA', `Subject: ${subject}\r\n\r\nx\r\n.`]) {
    client.send(command);
    expect(await client.line()).toMatch(/^[23]/);
  }
  client.close();
}

describe('P12: forwarding', () => {
  it('P12: set by command: each target gets the mail from its sender, and a copy stays', async () => {
    expect(await server.command(['user', 'forward', 'xixi', 'far@else.test', 'me@virt.test', '--keep'])).toBe(
      'xixi@example.test forwards to far@else.test, me@virt.test and keeps a copy.\n',
    );
    expect(await server.command(['user', 'list'])).toContain(
      'active, forwards to far@else.test, me@virt.test and keeps',
    );
    await send('xixi@example.test', 'one');
    expect([await messages('xixi'), await messages('me@virt.test'), await messages('haha')]).toEqual([1, 1, 0]);
    await expect
      .poll(() => sink.received.map(({ from, to }) => [from, to]), { timeout: 20_000 })
      .toEqual([['zs@qq.example', ['far@else.test']]]);
    const explained = await server.command([
      'explain',
      '--client',
      '127.0.0.1',
      '--helo',
      'h',
      '--from',
      'a@b.example',
      '--to',
      'xixi@example.test',
    ]);
    expect(explained).toContain(
      '<xixi@example.test> is replaced by <xixi@example.test>, <far@else.test>, <me@virt.test>',
    );
  });

  it('P12: set over IMAP by the user of a virtual mailbox, seen by command and ended by it', async () => {
    expect(await imap('me@virt.test', `SETMETADATA "" (${ENTRY} "haha")`, 'GETMETADATA "" /shared/admin')).toEqual([
      't1 OK Setmetadata completed.',
      '* METADATA "" (/shared/admin "mailto:postmaster@example.test")',
      't2 OK Getmetadata completed.',
    ]);
    expect(await server.command(['log', '-n', '1000'])).toMatch(
      /imap\(me@virt\.test\)<.*>\[\d+\]: Forwarding set to haha@example\.test/,
    );
    expect(JSON.parse(await server.command(['user', 'forward', 'me@virt.test', '--json']))).toMatchObject({
      address: 'me@virt.test',
      forwarding: { targets: ['haha@example.test'], keep: false },
    });
    await send('me@virt.test', 'two');
    expect([await messages('haha'), await messages('me@virt.test')]).toEqual([1, 1]);
    expect(await server.command(['user', 'forward', 'me@virt.test', '--none'])).toBe(
      'me@virt.test forwards nothing.\n',
    );
    await send('me@virt.test', 'three');
    expect([await messages('haha'), await messages('me@virt.test')]).toEqual([1, 2]);
  });

  it('P12: a faulty command changes nothing and says why', async () => {
    const refused = (...words: readonly string[]): Promise<string> =>
      server.command(['user', 'forward', ...words]).catch(({ message }: Error) => message);
    expect(await refused('haha', 'haha', 'x@y.test')).toContain('--keep keeps a copy in its mailbox');
    expect(await refused('haha', '|/bin/cat')).toContain('mail can be forwarded to addresses only');
    expect(await refused('haha', '--keep')).toContain('--keep goes with the addresses to forward to');
    expect(await refused('haha', 'x@y.test', '--none')).toContain('--none goes with no target');
    expect(await server.command(['user', 'forward', 'haha'])).toBe('haha@example.test forwards nothing.\n');
  });

  it('P12: without a server the command works, and what it set acts after a start', async () => {
    const { folders } = server;
    await server.stop({ keep: true });
    const where = ['--config', folders.config, '--data', folders.data];
    await runCommand(['user', 'forward', 'haha', 'xixi', ...where]);
    server = await startServer({ files: {}, folders, portOffset: await freeOffset() });
    expect(await server.command(['user', 'forward', 'haha'])).toBe(
      'haha@example.test forwards to xixi@example.test.\n',
    );
    const before = await messages('xixi');
    await send('haha@example.test', 'four');
    expect([await messages('haha'), await messages('xixi')]).toEqual([1, before + 1]);
  });
});
