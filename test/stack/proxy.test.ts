/** A whole server behind a proxy: who the client is in logs, rules, limits and headers, on every kind of port. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImapClient } from '../kit/imap-client.ts';
import { jsonLines } from '../kit/json-lines.ts';
import { finish } from '../kit/launch.ts';
import type { TestClient } from '../kit/line-client.ts';
import { Pop3Client } from '../kit/pop3-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { ip4, ip6, version2 } from '../kit/proxy-header.ts';
import { startServer, type TestServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'mydomain = example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'inet_protocols = all',
  'mynetworks = 192.0.2.0/24',
  'alias_maps =',
  'smtpd_peername_lookup = no',
  'smtpd_tls_security_level = may',
  'smtpd_sasl_auth_enable = yes',
  'smtpd_tls_loglevel = 1',
  'smtpd_client_restrictions = check_client_access inline:{198.51.100.66=REJECT}',
  'smtpd_client_connection_count_limit = 2',
  'smtpd_upstream_proxy_timeout = 1s',
  // Nothing here may connect to other machines.
  'relayhost = [127.0.0.1]:9',
  '',
].join('\n');

const PROXIED = '  -o smtpd_upstream_proxy_protocol=haproxy\n';
const MASTER = [
  `smtp inet n - n - - smtpd\n${PROXIED}`,
  'submission inet n - n - - smtpd\n',
  `smtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n${PROXIED}`,
].join('');

const listener = (name: string): string => `  inet_listener ${name} {\n    haproxy = yes\n  }\n`;
const DOVECOT = `protocols = imap pop3 lmtp
haproxy_trusted_networks = 127.0.0.1
haproxy_timeout = 1s
login_trusted_networks = 192.0.2.0/24
service imap-login {
${listener('imap')}${listener('imaps')}}
service pop3-login {
${listener('pop3')}${listener('pop3s')}}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = 1224
    haproxy = yes
  }
}
`;

const v1 = (ip: string): Buffer => Buffer.from(`PROXY TCP4 ${ip} 198.51.100.1 51234 25\r\n`);
const v2 = (ip: string): Buffer => version2(1, 0x11, ip4(ip, '198.51.100.1', 51234, 25));
const LOCAL = version2(0, 0x00, Buffer.alloc(0));
const PASSWORD = 'sesame';
const USER = 'xixi@example.test';

let server: TestServer;
const clients: TestClient[] = [];

beforeAll(async () => {
  server = await startServer({
    files: { 'main.cf': MAIN, 'master.cf': MASTER, 'dovecot.conf': DOVECOT },
    portOffset: await freeOffset(),
    accounts: { [USER]: PASSWORD },
  });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await server.stop();
});

interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly process?: string;
}
const log = (): Entry[] => jsonLines<Entry>(join(server.folders.data, 'log', 'mail.jsonl'));
const logged = (pattern: RegExp): Promise<void> =>
  expect.poll(() => log().map(({ msg }) => msg), { timeout: 5_000 }).toContainEqual(expect.stringMatching(pattern));

/** A connection that begins with these octets; over TLS from then on. */
async function open<Client extends TestClient>(
  kind: new (socket: ReturnType<typeof connect>) => Client,
  port: number,
  header: Buffer | string,
  { tls = false, from = '127.0.0.1' } = {},
): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port: server.port(port), localAddress: from, noDelay: true });
  await once(socket, 'connect');
  const client = new kind(socket);
  clients.push(client);
  client.send(header);
  if (tls) await client.secure();
  return client;
}

async function smtp(header: Buffer | string, port = 25, tls = false): Promise<SmtpClient> {
  const client = await open(SmtpClient, port, header, { tls });
  expect(await client.reply()).toMatch(/^220 mail\.example\.test /);
  await client.run('EHLO client.example');
  return client;
}

const plain = (): string => Buffer.from(`\0${USER}\0${PASSWORD}`).toString('base64');

/** The header of the newest message. */
async function newest(): Promise<string> {
  const imap = await open(ImapClient, 143, v1('192.0.2.99'));
  await imap.line();
  await imap.ok(`LOGIN ${USER} ${PASSWORD}`);
  await imap.ok('SELECT INBOX');
  return imap.ok('FETCH * BODY.PEEK[HEADER]');
}

async function deliver(client: SmtpClient, subject: string): Promise<void> {
  await client.run('MAIL FROM:<a@example.org>', `RCPT TO:<${USER}>`, 'DATA');
  client.send(`Subject: ${subject}\r\n\r\nText.\r\n.\r\n`);
  expect(await client.reply()).toMatch(/^250 2\.0\.0 /);
  await client.run('QUIT');
}

describe('P21: an SMTP client behind a proxy', () => {
  it('is named in the log and in Received:', async () => {
    await deliver(await smtp(v1('203.0.113.9')), 'one');
    expect(await newest()).toContain('Received: from client.example (unknown [203.0.113.9])');
    await logged(/^connect from unknown\[203\.0\.113\.9\]$/);
    await logged(/^\w+: client=unknown\[203\.0\.113\.9\]$/);
    await deliver(await smtp(version2(1, 0x21, ip6('2001:db8::9', '2001:db8::1', 51234, 25))), 'two');
    expect(await newest()).toContain('Received: from client.example (unknown [IPv6:2001:db8::9])');
  });

  it('relays if it is in mynetworks, whatever the address of the proxy', async () => {
    const ours = await smtp(v2('192.0.2.7'));
    await ours.run('MAIL FROM:<a@example.test>', 'RCPT TO:<b@example.org>');
    for (const header of [v2('203.0.113.7'), LOCAL]) {
      const stranger = await smtp(header);
      await stranger.run('MAIL FROM:<a@example.test>');
      expect(await stranger.say('RCPT TO:<b@example.org>')).toMatch(
        /^454 4\.7\.1 <b@example\.org>: Relay access denied/,
      );
      await stranger.run('QUIT');
    }
  });

  it('is refused by restrictions that name it, and by its own number of connections', async () => {
    const refused = await smtp(v2('198.51.100.66'));
    await refused.run('MAIL FROM:<a@example.test>');
    expect(await refused.say(`RCPT TO:<${USER}>`)).toMatch(/^554 5\.7\.1 <unknown\[198\.51\.100\.66\]>: Client host/);
    await smtp(v1('203.0.113.50'));
    await smtp(v1('203.0.113.50'));
    const third = await open(SmtpClient, 25, v1('203.0.113.50'));
    expect(await third.reply()).toMatch(/^421 4\.7\.0 .*too many connections from 203\.0\.113\.50/i);
    await smtp(v1('203.0.113.51'));
  });

  it('speaks TLS after the header on an implicit TLS port', async () => {
    const client = await smtp(v2('203.0.113.10'), 465, true);
    expect(await client.say(`AUTH PLAIN ${plain()}`)).toMatch(/^235 /);
    await deliver(client, 'secured');
    expect(await newest()).toMatch(/Received: from client\.example \(unknown \[203\.0\.113\.10\]\)[\s\S]*ESMTPSA/);
    await logged(/^Anonymous TLS connection established from unknown\[203\.0\.113\.10\]: TLSv1\.3/);
  });

  it('may send commands in the same packet', async () => {
    const client = await open(SmtpClient, 25, Buffer.concat([v1('203.0.113.11'), Buffer.from('EHLO x\r\nQUIT\r\n')]));
    expect(await client.rest()).toMatch(/^220 [\s\S]*\r\n250 \S+\r\n221 2\.0\.0 Bye\r\n$/);
  });

  it('is answered as by Postfix where there is no header, and connects itself where no proxy is configured', async () => {
    for (const [port, octets] of [
      [25, 'EHLO client.example\r\n'],
      [25, 'PROXY TCP4 nowhere\r\n'],
      [25, ''],
      [465, 'EHLO client.example\r\n'],
    ] as const) {
      const client = await open(SmtpClient, port, octets);
      expect(await client.rest()).toBe('421 4.3.0 mail.example.test Server local error\r\n');
    }
    await logged(/^connection from \[127\.0\.0\.1\] refused: no PROXY header$/);
    await logged(/^connection from \[127\.0\.0\.1\] refused: no PROXY header within 1 s$/);
    await smtp('', 587);
    const confused = await open(SmtpClient, 587, v1('203.0.113.12'));
    await confused.reply();
    expect(await confused.reply()).toMatch(/^500 5\.5\.2 /);
  });
});

describe('a client of a mailbox behind a proxy', () => {
  it('is named in the log of logins', async () => {
    const imap = await open(ImapClient, 993, v2('203.0.113.20'), { tls: true });
    await imap.line();
    await imap.ok(`LOGIN ${USER} ${PASSWORD}`);
    await logged(/^Login: user=<xixi@example\.test>, method=PLAIN, rip=203\.0\.113\.20, lip=198\.51\.100\.1, TLS/);
    const pop3 = await open(Pop3Client, 995, v1('203.0.113.21'), { tls: true });
    await pop3.line();
    await pop3.ask(`USER ${USER}`);
    expect(await pop3.ask(`PASS ${PASSWORD}`)).toMatch(/^\+OK/);
    await logged(/^Login: user=<xixi@example\.test>, method=PLAIN, rip=203\.0\.113\.21, lip=198\.51\.100\.1, TLS/);
  });

  it('may send its password in clear text from login_trusted_networks, but not because the proxy is near', async () => {
    const offers = async (header: Buffer): Promise<boolean> =>
      (await (await open(ImapClient, 143, header)).line()).includes(' AUTH=PLAIN');
    expect(await offers(v1('192.0.2.7'))).toBe(true);
    for (const header of [
      v1('203.0.113.7'),
      v1('127.0.0.1'),
      v1('198.51.100.1'),
      LOCAL,
      Buffer.from('PROXY UNKNOWN\r\n'),
    ])
      expect(await offers(header)).toBe(false);
    const pop3 = await open(Pop3Client, 110, LOCAL);
    await pop3.line();
    expect(await pop3.ask(`USER ${USER}`)).toMatch(/^-ERR/);
  });

  it('is dropped without a word if there is no header, or if the peer is no trusted proxy', async () => {
    for (const port of [143, 993, 110, 995]) expect(await (await open(ImapClient, port, 'a NOOP\r\n')).rest()).toBe('');
    const peer = await open(ImapClient, 143, v1('203.0.113.7'), { from: '127.0.0.2' });
    expect(await peer.rest()).toBe('');
    await logged(/^connection from \[127\.0\.0\.2\] refused: not a trusted proxy$/);
  });
});

it('an LMTP client behind a proxy is named in Received:', async () => {
  const client = await open(SmtpClient, 1224, v2('203.0.113.30'));
  expect(await client.reply()).toBe('220 mail.example.test LMTP');
  await client.run('LHLO client.example');
  await deliver(client, 'by LMTP');
  expect(await newest()).toContain('Received: from client.example (unknown [203.0.113.30])');
});

it('health checks leave no warnings, and those that say nothing no line', async () => {
  await deliver(await smtp(v1('203.0.113.40')), 'before');
  await logged(/^disconnect from unknown\[203\.0\.113\.40\]/);
  const before = log().length;
  for (const port of [25, 465, 143, 993, 110, 995, 1224]) {
    const quiet = await open(SmtpClient, port, '');
    quiet.end();
    await quiet.rest();
    const reset = await open(SmtpClient, port, '');
    reset.socket.resetAndDestroy();
  }
  await deliver(await smtp(v1('203.0.113.41')), 'after');
  await logged(/^disconnect from unknown\[203\.0\.113\.41\]/);
  expect(
    log()
      .slice(before)
      .filter(({ msg }) => !/203\.0\.113\.41|^\w{10,}: /.test(msg)),
  ).toEqual([]);
  for (const port of [25, 465, 143, 993, 110, 995, 1224]) {
    const local = await open(SmtpClient, port, LOCAL);
    local.end();
    await local.rest();
  }
  await deliver(await smtp(v1('203.0.113.42')), 'last');
  await logged(/^disconnect from unknown\[203\.0\.113\.42\]/);
  expect(
    log()
      .slice(before)
      .filter(({ level }) => level !== 'info'),
  ).toEqual([]);
});

it('a reload puts a proxy before an open port, and takes it away', async () => {
  const file = join(server.folders.config, 'master.cf');
  const reload = async (text: string): Promise<void> => {
    writeFileSync(file, text);
    const { code, err } = await finish(['reload', '--data', server.folders.data, '--config', server.folders.config]);
    expect([code, err]).toEqual([0, '']);
  };
  const text = readFileSync(file, 'utf8');
  await reload(text.replace(PROXIED, ''));
  await smtp('', 25);
  expect(await (await open(SmtpClient, 465, 'EHLO x\r\n')).rest()).toMatch(/^421 4\.3\.0 /);
  await reload(text);
  expect(await (await open(SmtpClient, 25, 'EHLO x\r\n')).rest()).toMatch(/^421 4\.3\.0 /);
  await smtp(v1('203.0.113.60'));
});
