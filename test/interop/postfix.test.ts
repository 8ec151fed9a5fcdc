/**
 * Postfix and its test programs: smtp-source fills a mailbox, smtp-sink drinks what is relayed, and a real Postfix
 * hands over with STARTTLS what the house gives back to another one: not an octet of a body is changed on the way.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { account, ask, digest, type House, search, section, startInteropHouse } from './house.ts';
import { type Postfix, startPostfix } from './postfix.ts';
import { type Daemon, freePort, ran, startDaemon, until } from './program.ts';

const TRUSTED = 'mynetworks = 127.0.0.0/8';
const OPEN = ['smtpd_client_connection_count_limit = 0', 'smtpd_client_connection_rate_limit = 0'];

describe('P20: smtp-source', () => {
  let house: House;
  beforeAll(async () => {
    house = await startInteropHouse({ main: [TRUSTED, ...OPEN], names: ['one', 'two', 'three', 'four'] });
  });
  afterAll(() => house?.stop());

  it.each([
    ['one', 300, 1_000, 10, []],
    ['two', 60, 100_000, 10, []],
    ['three', 3, 5_000_000, 3, []],
    ['four', 100, 4_000, 20, ['-d']],
  ] as const)(
    'to %s: %i messages of %i octets in %i sessions all arrive unchanged',
    async (name, count, size, sessions, more) => {
      await ran('smtp-source', [
        ...[
          '-m',
          String(count),
          '-l',
          String(size),
          '-s',
          String(sessions),
          '-c',
          '-f',
          'source@far.example',
          '-t',
          account(name),
          ...more,
        ],
        `127.0.0.1:${house.port(25)}`,
      ]);
      const lines = await ask(house, name, 'FETCH 1:* (RFC822.SIZE BODY.PEEK[TEXT]<0.100>)');
      const sizes = lines.flatMap((line) => /RFC822\.SIZE (\d+)/.exec(line)?.slice(1).map(Number) ?? []);
      expect(sizes).toHaveLength(count);
      for (const seen of sizes) expect(seen).toBeGreaterThanOrEqual(size);
      const subjects = await search(house, name, 'FROM "source@far.example"');
      expect(subjects).toHaveLength(count);
    },
  );
});

/**
 * Difficult content for mail servers: dots, long lines, eight bits, control characters, blanks at the ends of lines.
 */
const BODIES: Readonly<Record<string, Buffer>> = {
  dots: Buffer.from('.\r\n..\r\n...\r\n.a\r\n\r\n.\r\n'),
  'eight bits': Buffer.from('Gr\u00fc\u00dfe, \u4f60\u597d \u{1f431}\r\n\xff\xfe\r\n', 'utf8'),
  latin1: Buffer.from('Gr\xfc\xdfe\xff\xfe\x80\r\n', 'latin1'),
  blanks: Buffer.from('trailing \r\n\t\r\n   \r\n\r\n\r\n'),
  control: Buffer.from('\x01\x02\x1b[0m\x7f\x0b\x0c\r\n'),
  'long line': Buffer.from(`${'x'.repeat(990)}\r\n`),
  'From line': Buffer.from('From me to you\r\n>From x\r\n'),
  'a megabyte': Buffer.from('0123456789 abcdefghijklmnopqrstuvwxyz .\r\n'.repeat(25_000)),
  empty: Buffer.from(''),
};

async function send(port: number, from: string, to: string, subject: string, body: Buffer): Promise<string> {
  const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 30_000 });
  try {
    await client.smtp();
    await client.smtp('EHLO client.example');
    await client.smtp(`MAIL FROM:<${from}> BODY=8BITMIME`);
    const recipient = await client.smtp(`RCPT TO:<${to}>`);
    expect(recipient).toMatch(/^250 /);
    await client.smtp('DATA');
    const text = `From: <${from}>\r\nTo: <${to}>\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body.toString('latin1')}`;
    client.send(`${text.replace(/^\./gm, '..')}.`);
    return await client.smtp();
  } finally {
    client.close();
  }
}

describe('P17: a real Postfix', () => {
  let house: House;
  /** Sends to Posthorn. */
  let before: Postfix;
  /** Receives from Posthorn, sends to the sink. */
  let after: Postfix;
  let sink: Daemon;
  let folder: string;

  beforeAll(async () => {
    folder = temporaryFolder('sink');
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'mail'));
    // Started by root, it runs as the user postfix.
    chmodSync(join(folder, 'mail'), 0o777);
    const sinkPort = await freePort();
    const open = async (): Promise<boolean> =>
      LineClient.connect({ host: '127.0.0.1', port: sinkPort, timeoutMs: 1000 }).then(
        (client) => {
          client.close();
          return true;
        },
        () => false,
      );
    sink = await startDaemon(
      'smtp-sink',
      [...(process.getuid?.() === 0 ? ['-u', 'postfix'] : []), '-d', 'mail/%H%M%S.', `127.0.0.1:${sinkPort}`, '100'],
      open,
      { cwd: folder },
    );
    after = await startPostfix({
      main: [
        'myhostname = after.example',
        `relayhost = [127.0.0.1]:${sinkPort}`,
        'smtpd_tls_security_level = may',
        'smtpd_tls_received_header = yes',
        'smtpd_tls_cert_file = /etc/ssl/certs/ssl-cert-snakeoil.pem',
        'smtpd_tls_key_file = /etc/ssl/private/ssl-cert-snakeoil.key',
      ],
    });
    house = await startInteropHouse({
      main: [
        TRUSTED,
        ...OPEN,
        `relayhost = [127.0.0.1]:${after.port}`,
        'smtp_tls_security_level = may',
        'smtpd_tls_received_header = yes',
      ],
    });
    before = await startPostfix({
      main: [
        'myhostname = before.example',
        `relayhost = [localhost]:${house.port(25)}`,
        'smtp_tls_security_level = verify',
        `smtp_tls_CAfile = ${house.certificate}`,
        'smtp_tls_verify_cert_match = hostname',
        'smtp_tls_loglevel = 1',
      ],
    });
  });
  afterAll(async () => {
    await before?.stop();
    await house?.stop();
    await after?.stop();
    await sink?.stop();
    removeFolder(folder);
  });

  it('delivers to Posthorn with STARTTLS and a verified certificate, octet for octet', async () => {
    for (const [name, body] of Object.entries(BODIES))
      expect(await send(before.port, 'a@far.example', account('maomao'), name, body)).toMatch(/^250 /);
    await until(
      'all to arrive',
      async () => (await search(house, 'maomao', 'ALL')).length === Object.keys(BODIES).length,
    );
    for (const [name, body] of Object.entries(BODIES)) {
      const [number = 0] = await search(house, 'maomao', `HEADER SUBJECT "${name}"`);
      expect([name, digest(await section(house, 'maomao', number, 'TEXT'))]).toEqual([name, digest(body)]);
    }
    expect(before.said()).toMatch(/Verified TLS connection established to localhost/);
    expect(before.said().match(/status=sent \(250 2\.0\.0 Ok: queued as /g)).toHaveLength(Object.keys(BODIES).length);
    const header = (await section(house, 'maomao', 1, 'HEADER')).toString();
    expect(header).toMatch(/from before\.example[\s\S]*\(using TLSv1\.3 with cipher [\s\S]*with ESMTPS id/);
  });

  it('receives mail for others from Posthorn, with STARTTLS, octet for octet on the whole path', async () => {
    for (const [name, body] of Object.entries(BODIES))
      expect(await send(before.port, 'a@far.example', 'b@elsewhere.example', name, body)).toMatch(/^250 /);
    const arrived = (): Map<string, Buffer> =>
      new Map(
        readdirSync(join(folder, 'mail')).map((file) => {
          const bytes = readFileSync(join(folder, 'mail', file));
          const subject = /^Subject: (.*?)\r?$/m.exec(bytes.toString('latin1'))?.[1] ?? '';
          return [subject, bytes];
        }),
      );
    await until('all to arrive in the sink', async () => arrived().size >= Object.keys(BODIES).length);
    for (const [name, body] of Object.entries(BODIES)) {
      const bytes = arrived().get(name)?.toString('latin1').replaceAll('\r\n', '\n') ?? '';
      // The sink ends each line with LF only and the message with an empty line.
      expect([name, digest(bytes.slice(bytes.indexOf('\n\n') + 2).trimEnd())]).toEqual([
        name,
        digest(body.toString('latin1').replaceAll('\r\n', '\n').trimEnd()),
      ]);
    }
    expect([...arrived().values()][0]?.toString('latin1')).toMatch(
      /from mail\.interop\.example[\s\S]*\(using TLSv1\.3[\s\S]*by after\.example \(Postfix\) with ESMTPS/,
    );
    expect(await house.command(['mailq', '--json'])).toMatch(/^\[\]/);
  });

  it('P17: an unknown recipient is refused at RCPT, and Postfix bounces', async () => {
    await send(before.port, account('maomao'), account('nobody'), 'bounce', Buffer.from('x\r\n'));
    await until(
      'the bounce',
      async () => (await search(house, 'maomao', 'SUBJECT "Undelivered Mail Returned to Sender"')).length === 1,
    );
    const [number = 0] = await search(house, 'maomao', 'SUBJECT "Undelivered"');
    expect((await section(house, 'maomao', number, 'TEXT')).toString()).toContain(`550 5.1.1 <${account('nobody')}>`);
    expect((await ask(house, 'maomao', `FETCH ${number} BODYSTRUCTURE`)).join('')).toMatch(
      /"report-type" "delivery-status"/i,
    );
  });

  it('P20: three hundred messages pass through both Postfixes and Posthorn, each once', async () => {
    for (const file of readdirSync(join(folder, 'mail'))) rmSync(join(folder, 'mail', file));
    await ran('smtp-source', [
      '-m',
      '300',
      '-l',
      '2000',
      '-s',
      '10',
      '-f',
      'a@far.example',
      '-t',
      'c@elsewhere.example',
      `127.0.0.1:${before.port}`,
    ]);
    await until('all to arrive in the sink', async () => readdirSync(join(folder, 'mail')).length >= 300, 60_000);
    await until('the queues to be empty', async () => (await before.queued()) + (await after.queued()) === 0);
    expect(readdirSync(join(folder, 'mail'))).toHaveLength(300);
    expect(JSON.parse(await house.command(['mailq', '--json']))).toEqual([]);
  });
});
