/** `posthorn reload`: what changes, what stays, and that no session is cut. */

import { X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { makeCertificate } from '../../src/net/certificate.ts';
import { finish } from '../kit/launch.ts';
import { freeOffset } from '../kit/ports.ts';
import { type Folders, makeFolders, startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'mynetworks = 127.0.0.1/32',
  'alias_maps = hash:aliases',
  'virtual_alias_domains = group.test',
  'virtual_alias_maps = hash:virtual',
  'smtpd_sender_restrictions = check_sender_access hash:access',
  'smtpd_tls_cert_file = cert.pem',
  'smtpd_tls_key_file = key.pem',
  '',
].join('\n');
const MASTER = 'smtp inet n - n - - smtpd\nsmtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n';
const zone = (serial: number, address: string): string =>
  `$TTL 60\n@ IN SOA ns admin ${serial} 1D 1H 1W 60\n  IN NS ns\nns IN A 127.0.0.1\nwww IN A ${address}\n`;

let offset: number;
let folders: Folders;
let server: TestServer;
const edit = (name: string, text: string): void => writeFileSync(join(folders.config, name), text);
const clients: LineClient[] = [];
const client = async (port: number, localAddress = '127.0.0.1'): Promise<LineClient> => {
  const connected = await LineClient.connect({
    host: '127.0.0.1',
    port: port + offset,
    tls: port === 993 || port === 465,
    localAddress,
  });
  clients.push(connected);
  return connected;
};
const reload = () => finish(['reload', '--json', '--data', folders.data, '--config', folders.config]);

beforeAll(async () => {
  offset = await freeOffset();
  const first = await makeCertificate(['mail.example.test', 'first.example.test']);
  folders = makeFolders({
    'main.cf': MAIN,
    'master.cf': MASTER,
    aliases: 'team: maomao\n',
    virtual: 'info@group.test maomao\n',
    access: 'spam@example.org REJECT\n',
    'cert.pem': first.certificate,
    'key.pem': first.key,
    'named.conf':
      'options { listen-on port 53 { 127.0.0.1; }; };\nzone "example.test" IN { type master; file "zone"; };\n',
    zone: zone(1, '192.0.2.1'),
    plugins: 'restrictions\nrewriting\n',
  });
  server = await startServer({
    files: {},
    folders,
    portOffset: offset,
    accounts: { 'maomao@example.test': 'maomao', 'xixi@example.test': 'xixi' },
  });
});
afterAll(async () => {
  for (const one of clients) one.close();
  await server.stop();
});

/** The reply to one recipient, in its own session. */
async function rcpt(to: string, from = 'a@example.org', localAddress = '127.0.1.77'): Promise<string> {
  const smtp = await client(25, localAddress);
  await smtp.smtp();
  for (const command of ['EHLO client.example', `MAIL FROM:<${from}>`]) await smtp.smtp(command);
  const answer = await smtp.smtp(`RCPT TO:<${to}>`);
  smtp.close();
  return answer;
}

/** Retries until the reply is the expected one, at most 5 s: for changes that are detected without a reload. */
async function eventually(ask: () => Promise<string>, expected: RegExp): Promise<void> {
  let answer = '';
  for (let tries = 0; tries < 100; tries += 1) {
    answer = await ask();
    if (expected.test(answer)) return;
    await delay(50);
  }
  expect(answer).toMatch(expected);
}

function shownCertificate(port: number): Promise<X509Certificate> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect(
      { host: '127.0.0.1', port: port + offset, rejectUnauthorized: false, servername: 'mail.example.test' },
      () => {
        resolve(new X509Certificate(socket.getPeerCertificate().raw));
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

const resolveWww = (): Promise<string> => {
  const resolver = new Resolver({ timeout: 1000, tries: 2 });
  resolver.setServers([`127.0.0.1:${53 + offset}`]);
  return resolver.resolve4('www.example.test').then(String);
};

it('after a change of the domain its accounts are reported, names without a domain get the new one, and a rename moves the mail', async () => {
  const command = (...words: string[]) => finish([...words, '--data', folders.data, '--config', folders.config]);
  edit('main.cf', `${MAIN}mydomain = new.test\n`);
  const { code, out } = await reload();
  expect(code).toBe(0);
  expect((JSON.parse(out) as { notes: string[] }).notes).toContain(
    '2 accounts are of a domain that is not served here, and get no mail: maomao@example.test, xixi@example.test; ' +
      '"posthorn domain add example.test" serves it, "posthorn domain rename example.test NEW" moves its accounts to another',
  );
  expect((await command('user', 'add', 'fresh')).out).toContain('fresh@new.test added.');
  expect((await command('domain', 'rename', 'example.test', 'new.test')).out).toBe(
    '2 accounts of example.test moved to new.test.\n',
  );
  expect(await rcpt('maomao@new.test')).toMatch(/^250 /);
  const imap = await client(993);
  await imap.line();
  expect((await imap.imap('a', 'LOGIN maomao maomao')).at(-1)).toMatch(/^a OK/);
  imap.close();
  await command('domain', 'rename', 'new.test', 'example.test');
  edit('main.cf', MAIN);
  expect((await reload()).code).toBe(0);
});

describe('text tables', () => {
  it('P4: changes of aliases and access tables take effect without a reload', async () => {
    expect(await rcpt('newcomer@example.test')).toMatch(/^550 5\.1\.1 /);
    edit('aliases', 'team: maomao\nnewcomer: xixi\n');
    await eventually(() => rcpt('newcomer@example.test'), /^250 /);
    expect(await rcpt('maomao@example.test', 'friend@example.org')).toMatch(/^250 /);
    edit('access', 'friend@example.org REJECT not today\n');
    await eventually(
      () => rcpt('maomao@example.test', 'friend@example.org'),
      /^554 5\.7\.1 <friend@example\.org>: Sender address rejected: not today$/,
    );
    expect(await rcpt('maomao@example.test', 'spam@example.org')).toMatch(/^250 /);
  });
});

describe('posthorn reload', () => {
  it('applies every changed file, and open sessions continue', async () => {
    const imap = await client(143);
    await imap.line();
    await imap.imap('a', 'LOGIN maomao maomao');
    await imap.imap('b', 'SELECT INBOX');
    imap.send('c IDLE');
    await imap.line();
    const smtp = await client(25);
    await smtp.smtp();
    for (const command of ['EHLO client.example', 'MAIL FROM:<a@example.org>', 'RCPT TO:<info@group.test>', 'DATA'])
      await smtp.smtp(command);
    smtp.send('Subject: begun before');

    const second = await makeCertificate(['mail.example.test', 'second.example.test']);
    edit('cert.pem', second.certificate);
    edit('key.pem', second.key);
    edit(
      'main.cf',
      `${MAIN.replace('group.test', 'group.test, club.test')}smtpd_helo_restrictions = reject_invalid_helo_hostname\n`,
    );
    edit('virtual', 'info@group.test maomao\ninfo@club.test xixi\n');
    edit('master.cf', `${MASTER}submission inet n - n - - smtpd\n`);
    edit('zone', zone(2, '192.0.2.2'));
    edit('plugins', 'restrictions\nrewriting\nno-cats\n');
    mkdirSync(join(folders.config, 'plugins.d/no-cats'), { recursive: true });
    writeFileSync(
      join(folders.config, 'plugins.d/no-cats/index.ts'),
      "import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';\nexport default definePlugin({ name: 'no-cats', register(server) {\n  server.on('mail', ({ reversePath }) => (reversePath.startsWith('cat@') ? deny(reply(550, '5.7.1', 'No cats')) : NEXT));\n} });\n",
    );
    expect(await rcpt('info@club.test')).toMatch(/^454 4\.7\.1 .*Relay access denied$/);
    expect(await resolveWww()).toBe('192.0.2.1');
    expect(await reload()).toMatchObject({ code: 0, err: '' });

    expect(await rcpt('info@club.test')).toMatch(/^250 /);
    expect(await resolveWww()).toBe('192.0.2.2');
    for (const port of [465, 993])
      expect((await shownCertificate(port)).subjectAltName).toContain('second.example.test');
    const submission = await client(587);
    expect(await submission.smtp()).toMatch(/^220 /);
    const cat = await client(25);
    await cat.smtp();
    expect(await cat.smtp('EHLO bad name')).toBeDefined();
    expect(await cat.smtp('MAIL FROM:<cat@example.org>')).toBe('550 5.7.1 No cats');

    // The message in progress is accepted, and the client that idled before the reload is notified of it.
    smtp.send('\r\nHello.');
    expect(await smtp.smtp('.')).toMatch(/^250 2\.0\.0 Ok: queued as /);
    expect((await imap.linesUntil((line) => line.endsWith('EXISTS'))).at(-1)).toBe('* 1 EXISTS');
    imap.send('DONE');
    expect(await imap.line()).toMatch(/^\* \d+ RECENT|^c OK/);

    // Removed again: the port closes, open sessions stay.
    edit('master.cf', MASTER);
    edit('plugins', 'restrictions\nrewriting\n');
    expect(await reload()).toMatchObject({ code: 0 });
    await expect(client(587)).rejects.toThrow(/ECONNREFUSED/);
    expect(await submission.smtp('EHLO client.example')).toMatch(/^250-/);
    // Judged by the plugins that it began with; new sessions by those that are there now.
    expect(await cat.smtp('MAIL FROM:<cat@example.org>')).toBe('550 5.7.1 No cats');
    expect(await rcpt('maomao@example.test', 'cat@example.org')).toMatch(/^250 /);
  });

  it('loads a changed plugin again', async () => {
    const write = (words: string, name: string): void => {
      mkdirSync(join(folders.config, 'plugins.d/words'), { recursive: true });
      writeFileSync(
        join(folders.config, 'plugins.d/words/index.ts'),
        `import { definePlugin, deny, NEXT, reply } from 'posthorn/plugin';\nexport default definePlugin({ name: 'words', register(server) { server.on('mail', ({ reversePath }) => (reversePath === 'w@example.org' ? deny(reply(550, '5.7.1', '${words}')) : NEXT)); } });${name}\n`,
      );
    };
    edit('plugins', 'words\nrestrictions\nrewriting\n');
    for (const words of ['First', 'Second']) {
      write(words, '');
      expect(await reload()).toMatchObject({ code: 0 });
      const smtp = await client(25);
      await smtp.smtp();
      await smtp.smtp('EHLO client.example');
      expect(await smtp.smtp('MAIL FROM:<w@example.org>')).toBe(`550 5.7.1 ${words}`);
    }
    edit('plugins', 'restrictions\nrewriting\n');
    expect(await reload()).toMatchObject({ code: 0 });
  });

  it('refuses a faulty configuration with its faults, and keeps all of the old one', async () => {
    const main = readFileSync(join(folders.config, 'main.cf'), 'utf8');
    edit('main.cf', `${main}message_size_limit = ten\nmydestination = elsewhere.test\n`);
    edit('zone', `${zone(3, '192.0.2.3')}broken IN A 300.1.2.3\n`);
    edit('plugins', 'restrictions\nrewriting\nno-dogs\n');
    const { code, out, err } = await finish(['reload', '--data', folders.data]);
    expect([code, out]).toEqual([78, '']);
    expect(err).toContain('The configuration has 3 faults; the old one stays in use.');
    for (const fault of [
      /main\.cf:\d+: message_size_limit: /,
      /zone:6: .*300\.1\.2\.3/,
      /plugins:3: plugin no-dogs: not found/,
    ])
      expect(err).toMatch(fault);
    const json = await reload();
    expect([json.code, (JSON.parse(json.err) as { faults: object[] }).faults.length]).toEqual([78, 3]);
    expect(await rcpt('maomao@example.test')).toMatch(/^250 /);
    expect(await resolveWww()).toBe('192.0.2.2');
    expect((await shownCertificate(993)).subjectAltName).toContain('second.example.test');
    edit('main.cf', main);
    edit('zone', zone(4, '192.0.2.4'));
    edit('plugins', 'restrictions\nrewriting\n');
    edit('cert.pem', 'hello\n');
    expect((await reload()).err).toMatch(/cert\.pem: contains no PEM certificate/);
    expect(await resolveWww()).toBe('192.0.2.2');
    expect((await finish(['status', '--data', folders.data])).code).toBe(0);
  });
});
