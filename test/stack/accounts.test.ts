/** Accounts through the whole process: what logs in with which password, and what happens to open sessions. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LineClient } from '../../src/lab/line-client.ts';
import { freeOffset } from '../kit/ports.ts';
import { startServer, type TestServer } from '../kit/server.ts';

const MAIN = [
  'compatibility_level = 3.6',
  'myhostname = mail.example.test',
  'myorigin = $mydomain',
  'mydestination = $mydomain',
  'inet_interfaces = 127.0.0.1',
  'mynetworks = 192.0.2.0/24',
  'alias_maps =',
  'smtpd_sasl_auth_enable = yes',
  'smtpd_tls_auth_only = no',
  'smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination',
  'relayhost = [127.0.0.1]:9',
  '',
].join('\n');
/** {SHA1} of `p` and the octet E4, which is not UTF-8. */
const LATIN1_HASH = '{SHA1.hex}c4309a32e1837960c3cf3fce251fd8f88ec6791a';
const LONGEST = 'x'.repeat(1024);

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    files: { 'main.cf': MAIN },
    portOffset: await freeOffset(),
    accounts: { 'xixi@example.test': 'sesame', 'long@example.test': LONGEST },
  });
  await server.command(['user', 'add', 'latin', '--password-hash-stdin'], `${LATIN1_HASH}\n`);
});
afterAll(() => server.stop());

async function dial(port: number): Promise<LineClient> {
  const client = await LineClient.connect({ host: '127.0.0.1', port: server.port(port) });
  await client.line();
  return client;
}

async function smtp(): Promise<LineClient> {
  const client = await dial(25);
  client.send('EHLO client.example');
  for (;;) if ((await client.line()).startsWith('250 ')) return client;
}

/** Logs in with octets (latin1); returns the response line and the session. */
const LOGINS: Readonly<Record<string, (user: string, password: string) => Promise<readonly [string, LineClient]>>> = {
  'IMAP LOGIN with a literal': async (user, password) => {
    const client = await dial(143);
    client.send(`a LOGIN ${user} {${password.length}+}\r\n${password}`);
    return [await client.line(), client];
  },
  'IMAP LOGIN, quoted': async (user, password) => {
    const client = await dial(143);
    client.send(`a LOGIN ${user} "${password}"`);
    return [await client.line(), client];
  },
  'IMAP AUTHENTICATE PLAIN': async (user, password) => {
    const client = await dial(143);
    client.send(`a AUTHENTICATE PLAIN ${base64(`\0${user}\0${password}`)}`);
    return [await client.line(), client];
  },
  'POP3 PASS': async (user, password) => {
    const client = await dial(110);
    client.send(`USER ${user}`);
    await client.line();
    client.send(`PASS ${password}`);
    return [await client.line(), client];
  },
  'SMTP AUTH PLAIN': async (user, password) => {
    const client = await smtp();
    client.send(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`);
    return [await client.line(), client];
  },
  'SMTP AUTH LOGIN': async (user, password) => {
    const client = await smtp();
    client.send(`AUTH LOGIN ${base64(user)}`);
    await client.line();
    client.send(base64(password));
    return [await client.line(), client];
  },
};
const base64 = (octets: string): string => Buffer.from(octets, 'latin1').toString('base64');
const LET_IN = /^(?:a OK|\+OK|235 )/;
const REFUSED = /^(?:a NO \[AUTHENTICATIONFAILED\]|-ERR \[AUTH\]|535 )/;

describe.concurrent.each(Object.entries(LOGINS))('%s', (_name, login) => {
  it('a password that is not UTF-8 is compared by its octets, and one of the maximum length works', async ({
    expect,
  }) => {
    const answers = await Promise.all([
      login('latin', 'p\xe4'),
      login('latin', 'p\xff'),
      login('latin', 'p\xc3\xa4'),
      login('long', LONGEST),
    ]);
    for (const [, client] of answers) client.close();
    expect(answers[0][0]).toMatch(LET_IN);
    expect(answers[1][0]).toMatch(REFUSED);
    expect(answers[2][0]).toMatch(REFUSED);
    expect(answers[3][0]).toMatch(LET_IN);
  });
});

it('sessions of a disabled or removed account end at once, and it cannot log in until it is enabled', async () => {
  const open = async (name: string): Promise<LineClient> => {
    const [answer, client] = (await LOGINS[name]?.('xixi', 'sesame')) ?? ['', null];
    expect(answer).toMatch(LET_IN);
    if (client === null) throw new Error(name);
    return client;
  };
  const [imap, idle, pop3, submission] = await Promise.all([
    open('IMAP LOGIN, quoted'),
    open('IMAP LOGIN, quoted'),
    open('POP3 PASS'),
    open('SMTP AUTH PLAIN'),
  ]);
  idle.send('b IDLE');
  expect(await idle.line()).toBe('+ idling');
  expect(await submission.smtp('MAIL FROM:<xixi@example.test>')).toMatch(/^250 /);
  expect(await submission.smtp('RCPT TO:<far@elsewhere.test>')).toMatch(/^250 /);

  expect(await server.command(['user', 'disable', 'xixi'])).toBe(
    'xixi@example.test is disabled; it still receives mail.\n',
  );
  expect(await imap.line()).toBe('* BYE Account was disabled.');
  expect(await idle.line()).toBe('* BYE Account was disabled.');
  expect(await pop3.line()).toBe('-ERR [SYS/PERM] Account was disabled.');
  expect(await submission.line()).toBe('421 4.7.0 mail.example.test Error: account was disabled');
  for (const client of [imap, idle, pop3, submission]) await expect(client.line()).rejects.toThrow('closed');

  const [refused, client] = (await LOGINS['POP3 PASS']?.('xixi', 'sesame')) ?? ['', null];
  expect(refused).toMatch(REFUSED);
  client?.close();
  expect(await server.command(['user', 'enable', 'xixi'])).toBe('xixi@example.test is enabled.\n');
  const again = await open('SMTP AUTH LOGIN');
  await server.command(['user', 'passwd', 'xixi', '--password-stdin'], 'other\n');
  expect(await again.line()).toBe('421 4.7.0 mail.example.test Error: password was changed');
});

it('a password that is not UTF-8 is refused with the reason', async () => {
  await expect(
    server.command(['user', 'passwd', 'xixi', '--password-stdin'], Buffer.from('p\xe4\n', 'latin1')),
  ).rejects.toThrow('the password is not UTF-8');
  await expect(
    server.command(['user', 'passwd', 'xixi', '--password-stdin'], '{SHA1}h+M6D9OJrZUh8pndhgewipFSTG8=\n'),
  ).rejects.toThrow('--password-hash-stdin');
});
