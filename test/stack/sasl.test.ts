/**
 * SASL of the whole server: what dovecot.conf and main.cf offer on each protocol, SCRAM bound to TLS, and clients that do
 * not mean well.
 */
import { createHash, X509Certificate } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestClient } from '../kit/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { type ClientOptions, scramClient } from '../kit/scram-client.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const USER = 'maomao@baidu.com';
const MECHANISMS = 'scram-sha-256-plus scram-sha-256 plain cram-md5';
let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    portOffset: await freeOffset(),
    files: {
      'main.cf':
        'inet_interfaces = 127.0.0.1\nmydomain = baidu.com\nmyorigin = $mydomain\nmydestination = $mydomain\nsmtpd_sasl_auth_enable = yes\nsmtpd_tls_security_level = may\nsmtpd_tls_auth_only = no\nsmtpd_sasl_security_options = noanonymous, noplaintext\nsmtpd_sasl_tls_security_options = noanonymous, nodictionary\n',
      'master.cf': 'smtp inet n - n - - smtpd\nsmtps inet n - n - - smtpd\n  -o smtpd_tls_wrappermode=yes\n',
      'dovecot.conf': `protocols = imap pop3\ndisable_plaintext_auth = yes\nauth_mechanisms = ${MECHANISMS}\n`,
    },
  });
  await server.command(['user', 'add', USER, '--password-stdin', '--scheme', 'SCRAM-SHA-256'], 'geheim\n');
});
afterAll(() => server.stop());

interface Protocol {
  readonly clear: number;
  readonly tls: number;
  readonly ask: string;
  readonly offers: RegExp;
  readonly command: string;
  readonly welcome: RegExp;
  readonly refusal: RegExp;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  IMAP: {
    clear: 143,
    tls: 993,
    ask: 'a CAPABILITY',
    offers: /^\* CAPABILITY (.*)\r\na OK.*\r\n/m,
    command: 'a AUTHENTICATE',
    welcome: /^a OK .*\r\n/m,
    refusal: /^a (?:NO|BAD) .*\r\n/m,
  },
  POP3: {
    clear: 110,
    tls: 995,
    ask: 'CAPA',
    offers: /^SASL (.*)\r\n(?:.+\r\n)*\.\r\n/m,
    command: 'AUTH',
    welcome: /^\+OK .*\r\n/m,
    refusal: /^-ERR .*\r\n/m,
  },
  SMTP: {
    clear: 25,
    tls: 465,
    ask: 'EHLO client.test',
    offers: /^250[- ]AUTH (.*)\r\n(?:250-.*\r\n)*250 .*\r\n/m,
    command: 'AUTH',
    welcome: /^235 .*\r\n/m,
    refusal: /^[45]\d\d .*\r\n/m,
  },
};

type Socket = TLSSocket | ReturnType<typeof connect>;
async function greeted(port: number, version?: 'TLSv1.2' | 'TLSv1.3'): Promise<{ client: TestClient; socket: Socket }> {
  const host = '127.0.0.1';
  const versions = version === undefined ? {} : { minVersion: version, maxVersion: version };
  const socket =
    version === undefined
      ? connect(server.port(port), host)
      : connectTls({ host, port: server.port(port), rejectUnauthorized: false, ...versions });
  const client = new TestClient(socket);
  await client.until(/^(?:\* OK|\+OK|220) .*\r\n/);
  return { client, socket };
}

/** The names on the line of mechanisms. */
async function offered(client: TestClient, { ask, offers }: Protocol): Promise<string> {
  client.send(`${ask}\r\n`);
  const [, names = ''] = offers.exec(await client.until(offers)) ?? [];
  return [...names.matchAll(/(?:AUTH=)?((?:SCRAM|PLAIN|CRAM|LOGIN|X?OAUTH)[\w-]*)/g)].map(([, name]) => name).join(' ');
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

/** Plays SCRAM with a real client; the last line, after the server has proven itself. */
async function scram(client: TestClient, protocol: Protocol, options: Partial<ClientOptions> = {}): Promise<string> {
  const { command, welcome, refusal } = protocol;
  const scramming = scramClient({ hash: 'sha256', login: USER, password: 'geheim', ...options });
  const end = new RegExp(`${/^(?:\+|334) (.*)\r\n/.source}|${welcome.source}|${refusal.source}`, 'm');
  const mechanism = (options.header ?? '').startsWith('p') ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256';
  const answer = async (line: string): Promise<string> => {
    client.send(`${line}\r\n`);
    return client.until(end);
  };
  const challengeOf = (line: string): string =>
    Buffer.from(/^(?:\+|334) (.*)\r\n/.exec(line)?.[1] ?? '', 'base64').toString('latin1');
  const first = await answer(`${command} ${mechanism} ${base64(scramming.first)}`);
  if (!/^(?:\+|334) /.test(first)) return first;
  const second = await answer(base64(scramming.final(challengeOf(first))));
  if (!/^(?:\+|334) /.test(second)) return second;
  expect(challengeOf(second)).toBe(scramming.verifier(challengeOf(first)));
  return answer('');
}

const bound = (type: string, binding: Buffer): Partial<ClientOptions> => ({ header: `p=${type},,`, binding });
const exported = (socket: Socket): Buffer =>
  (socket as TLSSocket).exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
const endPoint = (socket: Socket): Buffer =>
  createHash('sha256')
    .update(new X509Certificate((socket as TLSSocket).getPeerCertificate().raw).raw)
    .digest();

describe.each(Object.entries(PROTOCOLS))('S1: %s', (name, protocol) => {
  it('offers what dovecot.conf names, and less in clear text or by smtpd_sasl_security_options', async () => {
    const { client } = await greeted(protocol.clear);
    const clear = await offered(client, protocol);
    client.destroy();
    // disable_plaintext_auth does not keep clients of this machine away.
    expect(clear).toBe(name === 'SMTP' ? 'SCRAM-SHA-256 CRAM-MD5' : 'SCRAM-SHA-256 PLAIN CRAM-MD5');
    const within = await greeted(protocol.tls, 'TLSv1.3');
    const tls = await offered(within.client, protocol);
    within.client.destroy();
    expect(tls).toBe(
      name === 'SMTP' ? 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN' : 'SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN CRAM-MD5',
    );
  });

  it('binds SCRAM to the TLS connection, by what it exports or by the certificate', async () => {
    for (const [version, type, binding] of [
      ['TLSv1.3', 'tls-exporter', exported],
      ['TLSv1.3', 'tls-server-end-point', endPoint],
      ['TLSv1.2', 'tls-server-end-point', endPoint],
    ] as const) {
      const { client, socket } = await greeted(protocol.tls, version);
      if (name === 'SMTP') await offered(client, protocol);
      expect(await scram(client, protocol, bound(type, binding(socket)))).toMatch(protocol.welcome);
      client.destroy();
    }
  });

  it('refuses who is between client and server, or has told the client that there is no binding', async () => {
    const other = await greeted(protocol.tls, 'TLSv1.3');
    const { client, socket } = await greeted(protocol.tls, 'TLSv1.3');
    if (name === 'SMTP') await offered(client, protocol);
    expect(await scram(client, protocol, bound('tls-exporter', exported(other.socket)))).toMatch(protocol.refusal);
    expect(await scram(client, protocol, bound('tls-unique', exported(socket)))).toMatch(protocol.refusal);
    expect(await scram(client, protocol, { header: 'y,,' })).toMatch(protocol.refusal);
    expect(await scram(client, protocol)).toMatch(protocol.welcome);
    other.client.destroy();
    client.destroy();
  });

  it('takes an exchange that comes octet by octet', async () => {
    const { client, socket } = await greeted(protocol.clear);
    if (name === 'SMTP') await offered(client, protocol);
    const send = client.send.bind(client);
    socket.setNoDelay(true);
    client.send = (data) => {
      for (const octet of Buffer.from(data)) send(Buffer.from([octet]));
    };
    expect(await scram(client, protocol)).toMatch(protocol.welcome);
    client.destroy();
  });

  it('survives what is too long, and does not offer what is not named', async () => {
    const { client } = await greeted(protocol.clear);
    if (name === 'SMTP') await offered(client, protocol);
    const ends = new RegExp(`${protocol.refusal.source}|^\\* BYE.*\\r\\n`, 'm');
    for (const mechanism of ['XOAUTH2', 'SCRAM-SHA-1', 'SCRAM-SHA-256-PLUS', 'LOGIN', 'x'.repeat(100)]) {
      client.send(`${protocol.command} ${mechanism}\r\n`);
      expect(await client.until(ends)).toMatch(protocol.refusal);
    }
    client.send(`${protocol.command} SCRAM-SHA-256\r\n`);
    await client.until(/^(?:\+|334).*\r\n/);
    client.send(`${base64(`n,,n=${'a'.repeat(6000)},r=abc`)}\r\n`);
    expect(await client.take(ends)).toMatch(ends);
    client.destroy();
  });
});

describe('S1: accounts', () => {
  it('nobody learns from SCRAM which exist', async () => {
    const asked = async (login: string): Promise<string[]> => {
      const { client } = await greeted(143);
      const { first } = scramClient({ hash: 'sha256', login, password: 'x' });
      client.send(`a AUTHENTICATE SCRAM-SHA-256 ${base64(first)}\r\n`);
      const challenge = Buffer.from((await client.until(/^\+ .*\r\n/)).slice(2), 'base64').toString();
      client.destroy();
      return challenge.split(',').slice(1);
    };
    const [known, again, unknown, unknownAgain] = [
      await asked(USER),
      await asked('maomao'),
      await asked('nobody'),
      await asked('NOBODY@baidu.com'),
    ];
    expect(again).toEqual(known);
    expect(unknownAgain).toEqual(unknown);
    expect([unknown[0]?.length, unknown[1]]).toEqual([known[0]?.length, known[1]]);
  });

  it('a password still logs in where its keys are stored', async () => {
    const { client } = await greeted(143);
    client.send(`a LOGIN ${USER} geheim\r\n`);
    expect(await client.until(/^a .*\r\n/m)).toMatch(/^a OK/m);
    client.destroy();
  });
});
