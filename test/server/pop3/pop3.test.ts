import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { deny, denyDisconnect } from '../../../src/bus/hook.ts';
import { reply } from '../../../src/mail/status.ts';
import { temporaryIdentity } from '../../kit/identity.ts';
import { House, type HouseOptions } from './house.ts';

let house: House;
afterEach(() => house.close());
const open = async (options?: HouseOptions): Promise<House> => {
  house = await House.open(options);
  return house;
};

const PREFIX =
  'Return-Path: <zhangsan@qq.com>\r\nX-Original-To: maomao@baidu.com\r\nDelivered-To: maomao@baidu.com\r\n';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('the dialog of the tutorial (D2)', () => {
  it('D2: USER, PASS, LIST, RETR 2 and QUIT work as in the tutorial', async () => {
    await open();
    await house.deliver('Subject: one\n\nfirst\n', PREFIX);
    const second = await house.deliver(
      'Received: from x by mail.baidu.com with SMTP id Q; date\n\ntest mail\n',
      PREFIX,
    );
    const client = await house.dial();
    const dialog = readFileSync(join(import.meta.dirname, 'by-hand.txt'), 'utf8').split('\n');
    const values: Readonly<Record<string, string>> = {
      first: `${PREFIX.length + 23}`,
      second: `${second.length}`,
      message: second.slice(0, -2),
    };
    for (const line of dialog.filter((l) => l !== '' && !l.startsWith('#'))) {
      const text = line.slice(3).replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
      if (line.startsWith('c: ')) client.send(`${text}\r\n`);
      else for (const expected of text.split('\r\n')) expect(await client.line()).toBe(expected);
    }
    expect(await client.rest()).toBe('');
  });
});

describe('logging in', () => {
  it('refuses PASS without USER, a wrong password and an unknown user, with the same answer for the last two', async () => {
    const client = await (await open()).dial();
    expect(await client.ask('PASS x')).toBe('-ERR No username given.');
    await client.ask('USER maomao');
    expect(await client.ask('PASS wrong')).toBe('-ERR [AUTH] Authentication failed.');
    await client.ask('USER nobody');
    expect(await client.ask('PASS maomao')).toBe('-ERR [AUTH] Authentication failed.');
    expect(await client.ask('PASS maomao')).toBe('-ERR No username given.');
    await client.ask('USER busy');
    expect(await client.ask('PASS x')).toBe('-ERR [SYS/TEMP] Temporary authentication failure.');
    await client.ask('QUIT');
    await client.rest();
    expect(house.log.lines.at(-1)).toMatch(
      /^pop3-login: Disconnected: Aborted login by logging out \(auth service reported temporary failure\): user=<busy>, method=PLAIN, rip=127\.0\.0\.1, lip=127\.0\.0\.1, session=<id>$/,
    );
  });

  it('logs a login as Dovecot does', async () => {
    const client = await (await open()).login();
    expect(house.log.lines).toEqual([
      'pop3-login: Login: user=<maomao>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<id>',
    ]);
    await client.ask('QUIT');
    await client.rest();
    expect(house.log.lines.at(-1)).toBe(
      'pop3(maomao)<id>: Disconnected: Logged out top=0/0, retr=0/0, del=0/0, size=0',
    );
  });

  it('S1: accepts AUTH PLAIN and LOGIN with and without an initial response', async () => {
    await open();
    for (const lines of [
      [`AUTH PLAIN ${base64('\0maomao\0maomao')}`],
      ['AUTH PLAIN', base64('\0maomao\0maomao')],
      ['auth login', base64('maomao'), base64('maomao')],
      [`AUTH LOGIN ${base64('maomao@baidu.com')}`, base64('maomao')],
    ]) {
      const client = await house.dial();
      const answers = [];
      for (const line of lines) answers.push(await client.ask(line));
      expect(answers.at(-1)).toBe('+OK Logged in.');
      expect(answers.slice(0, -1).every((answer) => answer.startsWith('+ '))).toBe(true);
    }
  });

  it('refuses invalid SASL data, and lets the client cancel', async () => {
    const client = await (await open()).dial();
    expect((await client.multi('AUTH')).body).toBe('PLAIN\r\nLOGIN\r\n');
    expect(await client.ask('AUTH FOO')).toBe('-ERR [AUTH] Unsupported authentication mechanism.');
    expect(await client.ask('AUTH PLAIN !!!')).toBe('-ERR [AUTH] Invalid base64 data in initial response');
    expect(await client.ask('AUTH PLAIN')).toBe('+ ');
    expect(await client.ask('*')).toBe('-ERR Authentication aborted by client.');
    expect(await client.ask('AUTH PLAIN')).toBe('+ ');
    expect(await client.ask('AAA')).toBe('-ERR [AUTH] Invalid base64 in response');
    expect(await client.ask(`AUTH PLAIN ${base64('xixi\0maomao\0maomao')}`)).toBe('-ERR [AUTH] Authentication failed.');
  });

  it('closes after too many failures', async () => {
    const client = await (await open({ server: { limits: { failedLogins: 2 } } })).dial();
    client.send('USER a\r\nPASS b\r\nUSER a\r\nPASS b\r\nUSER maomao\r\nPASS maomao\r\n');
    expect(await client.rest()).toBe(
      '+OK\r\n-ERR [AUTH] Authentication failed.\r\n+OK\r\n-ERR [AUTH] Authentication failed.\r\n',
    );
  });

  it('asks the pop3_login hook', async () => {
    await open({ hook: ({ tls }) => (tls ? deny() : deny(reply(550, '5.7.1', 'Not from here'))) });
    const client = await house.dial();
    await client.ask('USER maomao');
    expect(await client.ask('PASS maomao')).toBe('-ERR [AUTH] Not from here');
    expect((await client.multi('CAPA')).body).toContain('USER');
    await house.close();
    await open({ hook: () => denyDisconnect(reply(450, '4.7.1', 'Later')) });
    const second = await house.dial();
    second.send('USER maomao\r\nPASS maomao\r\n');
    expect(await second.rest()).toBe('+OK\r\n-ERR [SYS/TEMP] Later\r\n');
  });

  it('limits the sessions of one account from one address', async () => {
    await open({ server: { limits: { sessionsPerUser: 1 } } });
    const first = await house.login();
    const second = await house.dial();
    second.send('USER maomao\r\nPASS maomao\r\n');
    expect(await second.rest()).toContain('-ERR [IN-USE] Maximum number of connections from user+IP exceeded');
    await first.ask('QUIT');
    await first.rest();
    await expect.poll(async () => (await house.login()).ask('NOOP').catch(() => '')).toBe('+OK');
  });
});

describe('TLS', () => {
  it('D1: offers STLS, and no password login before it if clear text is not trusted', async () => {
    await open({ identity: await temporaryIdentity(['localhost']), server: { plaintextAuth: () => false } });
    const client = await house.dial();
    expect((await client.multi('CAPA')).body).toBe(
      'CAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\nSTLS\r\n',
    );
    for (const command of ['USER maomao', 'PASS maomao', 'AUTH PLAIN']) {
      expect(await client.ask(command)).toBe(
        '-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.',
      );
    }
    expect(await client.ask('STLS')).toBe('+OK Begin TLS negotiation now.');
    await client.secure();
    expect((await client.multi('CAPA')).body).toContain('USER\r\nSASL PLAIN LOGIN\r\n');
    expect(await client.ask('STLS')).toBe('-ERR TLS is already active.');
    await client.ask('USER maomao');
    expect(await client.ask('PASS maomao')).toBe('+OK Logged in.');
    expect(house.log.lines.at(-1)).toContain(', TLS, session=<id>');
  });

  it('discards all input from before the handshake', async () => {
    await open({ identity: await temporaryIdentity(['localhost']) });
    const client = await house.dial();
    await client.ask('USER maomao');
    client.send('STLS\r\nUSER injected\r\nPASS injected\r\n');
    expect(await client.line()).toBe('+OK Begin TLS negotiation now.');
    await client.secure();
    expect(await client.ask('PASS maomao')).toBe('-ERR No username given.');
  });

  it('D1: serves POP3 over implicit TLS', async () => {
    await open({
      identity: await temporaryIdentity(['localhost']),
      pop3s: true,
      server: { plaintextAuth: () => false },
    });
    const client = await house.dial(true);
    expect((await client.multi('CAPA')).body).not.toContain('STLS');
    await client.ask('USER maomao');
    expect(await client.ask('PASS maomao')).toBe('+OK Logged in.');
    expect(await client.ask('QUIT')).toBe('+OK Logging out.');
  });

  it('closes a connection whose handshake fails after STLS', async () => {
    await open({ identity: await temporaryIdentity(['localhost']) });
    const client = await house.dial();
    await client.ask('STLS');
    client.send('USER maomao\r\nPASS maomao\r\n');
    await client.rest();
    await expect.poll(() => house.log.lines.at(-1)).toContain('pop3-login: Disconnected: TLS handshake failed');
  });

  it('says that TLS is not available if there is no certificate', async () => {
    const client = await (await open()).dial();
    expect(await client.ask('STLS')).toBe("-ERR TLS support isn't enabled.");
  });
});

describe('the maildrop', () => {
  it('answers every command as Dovecot does', async () => {
    await open();
    await house.deliver('From: a@b\nSubject: one\n\nhello\n.dot\n');
    await house.deliver('From: a@b\nSubject: two\n\nline1\nline2\nline3\n');
    const client = await house.login();
    const uid = (await client.ask('UIDL 2')).split(' ')[2] ?? '';
    expect(uid).toMatch(/^00000002[0-9a-f]{8}$/);
    const first = uid.replace(/^00000002/, '00000001');
    const asked: readonly (readonly [string, string, string?])[] = [
      ['STAT', '+OK 2 88'],
      ['LIST', '+OK 2 messages:', '1 40\r\n2 48\r\n'],
      ['UIDL', '+OK', `1 ${first}\r\n2 ${uid}\r\n`],
      ['RETR 1', '+OK 40 octets', 'From: a@b\r\nSubject: one\r\n\r\nhello\r\n..dot\r\n'],
      ['TOP 2 1', '+OK', 'From: a@b\r\nSubject: two\r\n\r\nline1\r\n'],
      ['TOP 2 0', '+OK', 'From: a@b\r\nSubject: two\r\n\r\n'],
      ['CAPA', '+OK', 'CAPA\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nPIPELINING\r\nAUTH-RESP-CODE\r\n'],
    ];
    for (const [command, status, body] of asked) {
      if (body === undefined) expect(await client.ask(command)).toBe(status);
      else expect(await client.multi(command)).toEqual({ status, body });
    }
    const single: readonly (readonly [string, string])[] = [
      ['LIST 1', '+OK 1 40'],
      ['LIST 9', "-ERR There's no message 9."],
      ['LIST 0', "-ERR There's no message 0."],
      ['RETR', '-ERR Invalid message number: '],
      ['TOP 2', '-ERR Noise after message number: '],
      ['DELE 1', '+OK Marked to be deleted.'],
      ['DELE 1', '-ERR Message is deleted.'],
      ['RETR 1', '-ERR Message is deleted.'],
      ['STAT', '+OK 1 48'],
      ['LAST', '-ERR Unknown command: LAST'],
      ['USER x', '-ERR Unknown command: USER'],
      ['STLS', '-ERR Unknown command: STLS'],
      ['', '-ERR Unknown command.'],
      ['noop', '+OK'],
      ['RSET', '+OK'],
      ['stat ', '+OK 2 88'],
    ];
    for (const [command, status] of single) expect([command, await client.ask(command)]).toEqual([command, status]);
  });

  it('gives the same answers to pipelined commands', async () => {
    await open();
    await house.deliver('\none\n');
    const client = await house.dial();
    client.send('USER maomao\r\nPASS maomao\r\nSTAT\r\nLIST\r\nDELE 1\r\nQUIT\r\n');
    expect(await client.rest()).toBe(
      '+OK\r\n+OK Logged in.\r\n+OK 1 7\r\n+OK 1 messages:\r\n1 7\r\n.\r\n+OK Marked to be deleted.\r\n+OK Logging out, messages deleted.\r\n',
    );
    expect(await house.inbox()).toEqual([]);
  });

  it('removes marked messages at QUIT and never otherwise', async () => {
    await open();
    for (const text of ['\n1\n', '\n2\n', '\n3\n', '\n4\n']) await house.deliver(text);
    const broken = await house.login();
    await broken.ask('DELE 1');
    broken.destroy();
    await expect.poll(() => house.server.sessions).toBe(0);
    expect(await house.inbox()).toHaveLength(4);
    const client = await house.login();
    for (const n of [1, 2, 4]) await client.ask(`DELE ${n}`);
    expect(await client.ask('QUIT')).toBe('+OK Logging out, messages deleted.');
    expect((await house.inbox()).map(({ uid }) => uid)).toEqual([3]);
    await client.rest();
    expect(house.log.lines.at(-1)).toContain('Logged out top=0/0, retr=0/0, del=3/4');
  });

  it('reports a store that refuses to delete, and removes nothing', async () => {
    await open();
    await house.deliver('\n1\n');
    const client = await house.login();
    await client.ask('DELE 1');
    house.store.mailboxes.expunge = () => Promise.reject(new Error('disk on fire'));
    expect(await client.ask('QUIT')).toBe('-ERR [SYS/TEMP] Messages could not be removed, none of them was.');
    expect(await house.inbox()).toHaveLength(1);
  });

  it('D3: marks only retrieved messages as seen', async () => {
    await open();
    for (const text of ['\n1\n', '\n2\n', '\n3\n']) await house.deliver(text);
    const client = await house.login();
    await client.multi('RETR 1');
    await client.multi('TOP 2 1');
    await client.multi('RETR 3');
    await client.ask('QUIT');
    expect((await house.inbox()).map(({ flags }) => flags)).toEqual([['\\Seen'], [], ['\\Seen']]);
  });

  it('keeps its message numbers while another session removes messages and new ones arrive', async () => {
    await open();
    for (const text of ['\n1\n', '\n2\n']) await house.deliver(text);
    const [one, two] = [await house.login(), await house.login()];
    await one.ask('DELE 1');
    await one.ask('QUIT');
    await house.deliver('\n3\n');
    expect(await two.ask('STAT')).toBe('+OK 2 10');
    expect(await two.ask('RETR 1')).toBe('-ERR Message was removed by another session.');
    expect((await two.multi('RETR 2')).body).toBe('\r\n2\r\n');
    await two.ask('DELE 1');
    expect(await two.ask('QUIT')).toBe('+OK Logging out, messages deleted.');
    expect((await house.inbox()).map(({ uid }) => uid)).toEqual([2, 3]);
  });

  it('sends a large message with dots unchanged, with the trace lines of the recipient first', async () => {
    await open();
    const text = `Subject: x\r\n\r\n${'.a line that begins with a dot\r\n..\r\n.\r\nplain\r\n'.repeat(20_000)}no end`;
    const whole = await house.deliver(text, PREFIX);
    const client = await house.login();
    const { status, body } = await client.multi('RETR 1');
    expect(status).toBe(`+OK ${whole.length} octets`);
    expect(body.replace(/^\./gm, '') === `${whole}\r\n`).toBe(true);
    expect((await client.multi('TOP 1 2')).body).toBe(
      `${PREFIX}Subject: x\r\n\r\n..a line that begins with a dot\r\n...\r\n`,
    );
  });

  it('closes the connection, without the final dot, if the store fails halfway', async () => {
    await open();
    // Longer than what comes with its row.
    await house.deliver(`Subject: x\n\n${'y\n'.repeat(100_000)}`);
    const client = await house.login();
    house.store.content.stream = async function* () {
      yield Buffer.from('half');
      throw new Error('unreadable');
    };
    client.send('RETR 1\r\n');
    expect(await client.rest()).not.toContain('\r\n.\r\n');
    expect(house.log.lines.join()).toContain('pop3: a message was cut off Error: unreadable');
  });
});

describe('bad input', () => {
  it('closes a session that sends garbage, and one that sends an endless line', async () => {
    await open();
    const client = await house.dial();
    client.send('EHLO x\r\nSTAT\r\nGET / HTTP/1.1\r\n');
    expect(await client.rest()).toBe(
      '-ERR Unknown command.\r\n-ERR Unknown command.\r\n-ERR Unknown command.\r\n-ERR Too many invalid bad commands.\r\n',
    );
    const long = await house.dial();
    long.send('A'.repeat(1 << 20));
    long.send('\r\n');
    expect(await long.rest()).toBe('-ERR Input buffer full, aborting\r\n');
    expect(house.log.lines.at(-1)).toContain('Input buffer full');
  });

  it('answers a client that half-closed, and drops one that is gone', async () => {
    await open();
    const client = await house.dial();
    client.socket.end('USER maomao\r\nPASS maomao\r\nSTAT\r\n');
    expect(await client.rest()).toBe('+OK\r\n+OK Logged in.\r\n+OK 0 0\r\n');
    const gone = await house.dial();
    gone.socket.resetAndDestroy();
    await expect.poll(() => house.server.sessions).toBe(0);
  });

  it('cannot forge a log line or a response', async () => {
    const client = await (await open()).login();
    expect(await client.ask('F\x01\xff'.padEnd(100, 'X'))).toBe(`-ERR Unknown command: ${'F??'.padEnd(64, 'X')}`);
    const other = await house.dial();
    await other.ask('USER a>\x00\x0b rip=1.2.3.4');
    await other.ask('PASS x');
    await other.ask('QUIT');
    await other.rest();
    expect(house.log.lines.at(-1)).not.toMatch(/[\x00-\x1f]/);
  });

  it('disconnects idle clients', async () => {
    await open({ server: { limits: { loginTimeout: 1 } } });
    const client = await house.dial();
    expect(await client.rest()).toBe('-ERR Disconnected for inactivity.\r\n');
  });

  it('disconnects clients that drip octets instead of logging in', async () => {
    await open({ server: { limits: { loginTimeout: 50 } } });
    for (const start of ['USER mao', 'AUTH PLAIN\r\n']) {
      const client = await house.dial();
      client.send(start);
      const drip = setInterval(() => client.send('x'), 5);
      const said = await client.rest();
      clearInterval(drip);
      expect(said).toMatch(/-ERR Disconnected for inactivity\.\r\n$/);
      await expect
        .poll(() => house.log.lines.at(-1))
        .toMatch(/^pop3-login: Disconnected: Inactivity \(.+ \d+ secs\): user=<>,/);
    }
  });
});

describe('closing', () => {
  it('notifies idle sessions, and waits until they have ended', async () => {
    await open();
    const client = await house.login();
    const closed = house.server.close();
    expect(await client.rest()).toBe('-ERR [SYS/TEMP] Server shutting down.\r\n');
    await closed;
    expect(house.server.sessions).toBe(0);
  });
});
