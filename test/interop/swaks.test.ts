/** swaks, a versatile SMTP test tool: logins, TLS, pipelining, UTF-8, and refusals shown by its exit code. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { account, arrival, type House, MAIL_HOST, PASSWORD, search, section, startInteropHouse } from './house.ts';
import { type Ran, run } from './program.ts';

let house: House;

beforeAll(async () => {
  house = await startInteropHouse();
});
afterAll(() => house?.stop());

/** swaks to one of the server's ports; the certificate is verified where TLS is used. */
function swaks(wellKnown: number, subject: string, ...more: string[]): Promise<Ran> {
  return run('swaks', [
    '--server',
    '127.0.0.1',
    '--port',
    String(house.port(wellKnown)),
    '--ehlo',
    'client.example',
    '--from',
    account('maomao'),
    '--to',
    account('xixi'),
    '--header',
    `Subject: ${subject}`,
    '--timeout',
    '20s',
    '--tls-ca-path',
    house.certificate,
    ...more,
  ]);
}

const login = ['--auth-user', account('maomao'), '--auth-password', PASSWORD];

describe('S1: swaks logs in and sends', () => {
  it.each([
    ['AUTH PLAIN after STARTTLS on 587', 587, ['--tls', '--auth', 'PLAIN']],
    ['AUTH LOGIN after STARTTLS on 587', 587, ['--tls', '--auth', 'LOGIN']],
    ['AUTH LOGIN on 465', 465, ['--tlsc', '--auth', 'LOGIN']],
    ['AUTH PLAIN on 25', 25, ['--tls', '--auth', 'PLAIN']],
    ['AUTH PLAIN with pipelining', 587, ['--tls', '--auth', 'PLAIN', '--pipeline']],
    ['TLS 1.2', 465, ['--tlsc', '--tls-protocol', 'tlsv1_2', '--auth', 'PLAIN']],
  ] as const)('%s', async (how, wellKnown, more) => {
    const done = await swaks(wellKnown, `swaks ${how}`, '--tls-verify', ...login, ...more);
    expect(done.code, done.out + done.err).toBe(0);
    expect(done.out).toContain('250 2.0.0 Ok: queued as ');
    await arrival(house, 'xixi', `swaks ${how}`);
  });

  it('P18: Received shows how the message came in', async () => {
    const [number = 0] = await search(house, 'xixi', 'SUBJECT "AUTH LOGIN on 465"');
    const header = (await section(house, 'xixi', number, 'HEADER')).toString();
    expect(header).toMatch(/Received: from client\.example \(client\.interop\.example \[127\.0\.0\.1\]\)/);
    expect(header).toMatch(new RegExp(`by ${MAIL_HOST.replaceAll('.', '\\.')} \\(.+\\) with ESMTPSA id`));
  });
});

it('P17: a whole envelope is pipelined, with valid and invalid recipients', async () => {
  const done = await swaks(
    25,
    'swaks pipelined',
    '--pipeline',
    '--to',
    `${account('xixi')},${account('nobody')},${account('haha')}`,
  );
  expect(done.code, done.out).toBe(0);
  expect(done.out).toContain('550 5.1.1 ');
  await arrival(house, 'xixi', 'swaks pipelined');
  await arrival(house, 'haha', 'swaks pipelined');
});

it('a UTF-8 message arrives octet for octet', async () => {
  const body = 'Grüße aus Köln, 你好, 🐱';
  const done = await swaks(25, 'swaks UTF-8', '--add-header', 'X-Text: 猫猫', '--body', body);
  expect(done.code).toBe(0);
  await arrival(house, 'xixi', 'swaks UTF-8');
  const [number = 0] = await search(house, 'xixi', 'SUBJECT "swaks UTF-8"');
  expect((await section(house, 'xixi', number, 'TEXT')).toString('utf8')).toContain(body);
  expect((await section(house, 'xixi', number, 'HEADER.FIELDS (X-TEXT)')).toString('utf8')).toBe(
    'X-Text: 猫猫\r\n\r\n',
  );
});

describe('refusals', () => {
  it('S2: a stranger may not relay (swaks: 24, no recipient accepted)', async () => {
    const done = await swaks(25, 'relay', '--to', 'somebody@elsewhere.example');
    expect(done.code).toBe(24);
    expect(done.out).toContain('554 5.7.1 <somebody@elsewhere.example>: Relay access denied');
  });

  it('S1: a wrong password is refused (swaks: 28)', async () => {
    const done = await swaks(
      587,
      'wrong',
      '--tls',
      '--auth',
      'LOGIN',
      '--auth-user',
      account('maomao'),
      '--auth-password',
      'wrong',
    );
    expect(done.code).toBe(28);
    expect(done.out).toContain('535 5.7.8 ');
  });

  it('S1: no login is offered in clear text on 587 (swaks: 28)', async () => {
    expect((await swaks(587, 'clear', '--auth', 'LOGIN', ...login)).code).toBe(28);
  });

  it('P2: an unknown local recipient is refused (swaks: 24)', async () => {
    const done = await swaks(25, 'unknown', '--to', account('nobody'));
    expect(done.code).toBe(24);
    expect(done.out).toContain(
      `550 5.1.1 <${account('nobody')}>: Recipient address rejected: User unknown in local recipient table`,
    );
  });

  it('P2: a message above message_size_limit is refused before it is sent, by the size that the client announces', async () => {
    const done = await run('swaks', [
      '--server',
      '127.0.0.1',
      '--port',
      String(house.port(25)),
      '--from',
      `${account('maomao')}> SIZE=999999999 RET=<`,
      '--to',
      account('xixi'),
    ]);
    expect(done.out).toMatch(/^<\*\* /m);
    expect(done.code).toBe(23);
  });
});
