/** Login, TLS, pipelining, bad input and the end of sessions. */

import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DISCONNECT, denyDisconnect } from '../../../src/bus/hook.ts';
import { reply } from '../../../src/mail/status.ts';
import { NO_LOGINS } from '../../../src/server/login/no-logins.ts';
import { temporaryIdentity } from '../../kit/identity.ts';
import { ImapClient } from '../../kit/imap-client.ts';
import { type House, MESSAGE, openHouse } from './house.ts';

describe('before login', () => {
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());
  const greeted = async (): Promise<ImapClient> => {
    const client = await house.connect();
    await client.line();
    return client;
  };

  test('a wrong password is refused and logged in a form that fail2ban recognizes', async () => {
    const client = await greeted();
    expect((await client.command('LOGIN maomao wrong')).completion).toBe(
      'NO [AUTHENTICATIONFAILED] Authentication failed.',
    );
    await client.ok('LOGOUT');
    await client.rest();
    expect(house.log.lines).toContainEqual(
      expect.stringMatching(
        /^Disconnected: Aborted login by logging out \(auth failed, 1 attempts in \d+ secs\): user=<maomao>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, session=<.+>$/,
      ),
    );
  });

  test('S1: AUTHENTICATE PLAIN works with and without an initial response, LOGIN works, and AUTHENTICATE can be cancelled', async () => {
    const plain = Buffer.from('\0maomao\0maomao').toString('base64');
    const one = await greeted();
    expect((await one.command(`AUTHENTICATE PLAIN ${plain}`)).completion).toMatch(/^OK \[CAPABILITY .*\] Logged in$/);
    expect((await one.command('LOGIN a b')).completion).toMatch(/^BAD .*already logged in/);
    const two = await greeted();
    two.send('A AUTHENTICATE PLAIN\r\n');
    expect(await two.line()).toBe('+ ');
    two.send('*\r\n');
    expect((await two.completion('A')).completion).toMatch(/^BAD /);
    two.send('B AUTHENTICATE LOGIN\r\n');
    expect(await two.line()).toBe('+ VXNlcm5hbWU6');
    two.send('bWFvbWFv\r\n');
    expect(await two.line()).toBe('+ UGFzc3dvcmQ6');
    two.send('bWFvbWFv\r\n');
    expect((await two.completion('B')).completion).toMatch(/^OK /);
    const three = await greeted();
    expect((await three.command('AUTHENTICATE GSSAPI')).completion).toMatch(/^NO /);
    expect((await three.command('AUTHENTICATE PLAIN !!!')).completion).toMatch(/^BAD /);
    expect(
      (await three.command(`AUTHENTICATE PLAIN ${Buffer.from('xixi\0maomao\0maomao').toString('base64')}`)).completion,
    ).toMatch(/^NO /);
  });

  test('LOGIN accepts literals and quoted strings', async () => {
    const client = await greeted();
    client.send('A LOGIN {6}\r\n');
    expect(await client.line()).toBe('+ OK');
    client.send('maomao "maomao"\r\n');
    expect((await client.completion('A')).completion).toMatch(/^OK/);
  });

  test('only login commands work, and ten bad commands end the session', async () => {
    const client = await greeted();
    expect((await client.command('SELECT INBOX')).completion).toMatch(/^BAD .*log in first/);
    for (let i = 0; i < 8; i += 1)
      expect((await client.command(`BOGUS${i}`)).completion).toMatch(/^BAD Unknown command/);
    client.send('\r\n');
    expect(await client.rest()).toMatch(/^\* BAD .*\r\n\* BYE Too many invalid IMAP commands\.\r\n$/);
  });

  test('a logged-in client may send some invalid commands, but not continuously', async () => {
    const client = await greeted();
    await client.ok('LOGIN maomao maomao');
    for (let i = 0; i < 60; i += 1) {
      expect((await client.command('GETQUOTAROOT INBOX')).completion).toMatch(/^BAD Unknown command/);
      await client.ok('NOOP');
    }
    client.send('A BOGUS\r\n'.repeat(50));
    expect(await client.rest()).toMatch(/\* BYE Too many invalid IMAP commands\.\r\n$/);
  });

  test.each([
    ['a line of a megabyte', 'A LOGIN '.padEnd(1024 * 1024, 'x')],
    ['endless spaces', 'A '.padEnd(300_000, ' ')],
    ['endless quotes', `A LOGIN "${'\\"'.repeat(31_000)}`],
    ['an invalid tag', '+ NOOP'],
    ['NUL', 'A LOGIN "\0" x'],
    ['8-bit octets', '\xff\xfe\xfd'],
    ['many literals', `A LOGIN {0+}${'\r\n {0+}'.repeat(150)}\r\n`],
  ])('%s gets BAD, and nothing else happens', async (_name, line) => {
    const client = await greeted();
    client.send(`${line}\r\n`);
    expect(await client.line()).toMatch(/^(\*|A) BAD /);
  });

  test('a literal of 4 GB is refused at once; sent without waiting, it ends the session', async () => {
    const client = await greeted();
    expect((await client.command('LOGIN {4294967296}')).completion).toMatch(/^BAD \[TOOBIG\] /);
    expect((await client.command('NOOP')).completion).toMatch(/^OK/);
    expect((await client.command('BOGUS {10}')).completion).toMatch(/^BAD Unknown/);
    client.send('A LOGIN {4294967296+}\r\nB NOOP\r\n');
    expect(await client.rest()).toMatch(/^A BAD \[TOOBIG\] .*\r\n\* BYE .*\r\n$/);
  });

  test('a line that is too long within AUTHENTICATE, within IDLE or after a message is BAD', async () => {
    const long = 'x'.repeat(100_000);
    const client = await greeted();
    client.send(`A AUTHENTICATE PLAIN\r\n${long}\r\n`);
    expect((await client.completion('A')).completion).toMatch(/^BAD .*longer than/);
    await client.ok('LOGIN maomao maomao');
    client.send(`B IDLE\r\n${long}\r\n`);
    expect((await client.completion('B')).completion).toMatch(/^BAD .*longer than/);
    client.send(
      `C APPEND INBOX {3+}\r\nabc${long}\r\nX4 APPEND INBOX {3+}\r\nabc {3}\r\nE APPEND nowhere {3+}\r\nabc${long}\r\n`,
    );
    expect((await client.completion('C')).completion).toMatch(/^BAD .*longer than/);
    expect((await client.completion('X4')).completion).toMatch(/^BAD Nothing may follow/);
    expect((await client.completion('E')).completion).toMatch(/^NO \[TRYCREATE\]/);
    expect(await client.ok('STATUS INBOX (MESSAGES)')).toContain('MESSAGES 0');
    expect(house.log.lines.filter((line) => line.includes('failed'))).not.toContainEqual(
      expect.stringContaining('InputTooLong'),
    );
  });

  test('octets of a literal are never run as commands', async () => {
    const client = await greeted();
    client.send('A BOGUS {12+}\r\nB LOGOUT x\r\n\r\nC NOOP\r\n');
    expect((await client.completion('A')).completion).toMatch(/^BAD Unknown/);
    expect((await client.completion('C')).untagged).toBe('');
  });

  test('a client that sends its commands and half-closes still gets the responses', async () => {
    const socket = connect({ port: house.port, host: '127.0.0.1', allowHalfOpen: true });
    const client = new ImapClient(socket);
    socket.end('A LOGIN maomao maomao\r\nB SELECT INBOX\r\nC LOGOUT\r\n');
    expect(await client.until(/C OK .*\r\n/)).toMatch(/A OK [\s\S]*B OK/);
    socket.destroy();
  });

  test('a client that disconnects inside a literal leaves nothing behind', async () => {
    const client = await house.login();
    client.send('A APPEND INBOX {1000}\r\n');
    await client.until(/\+ OK\r\n/);
    client.send('half');
    client.end();
    await client.rest();
    const other = await house.login();
    expect(await other.ok('STATUS INBOX (MESSAGES)')).toContain('MESSAGES 0');
  });
});

describe('the end of a session', () => {
  const open: House[] = [];
  const openWith = async (limits: NonNullable<Parameters<typeof openHouse>[0]>['limits']): Promise<House> => {
    const house = await openHouse(limits === undefined ? {} : { limits });
    open.push(house);
    return house;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((house) => house.close()));
  });

  test('a client that drips octets instead of logging in is disconnected when the login time is over', async () => {
    for (const start of ['A LOG', 'A LOGIN {4000}\r\n', 'A AUTHENTICATE PLAIN\r\n']) {
      const house = await openWith({ loginTimeout: 50 });
      const client = await house.connect();
      await client.line();
      client.send(start);
      const drip = setInterval(() => client.send('x'), 5);
      const said = await client.rest();
      clearInterval(drip);
      expect(said).toContain('* BYE Disconnected for inactivity.\r\n');
      await expect
        .poll(() => house.log.lines.at(-1))
        .toMatch(
          /^Disconnected: Inactivity \((no auth attempts in|client didn't finish SASL auth, waited) \d+ secs\): user=<>,/,
        );
    }
  });

  test('a login whose check is still running when the login time is over fails, and does not count as a session', async () => {
    let verified = (): void => {};
    const began = Promise.withResolvers<void>();
    const house = await openHouse({
      limits: { loginTimeout: 50, sessionsPerUser: 1 },
      authenticator: {
        ...NO_LOGINS,
        verify: ({ login }) => {
          began.resolve();
          return new Promise((resolve) => {
            verified = () => resolve({ ok: true, account: { ...house.account, address: login } });
          });
        },
      },
    });
    open.push(house);
    const client = await house.connect();
    await client.line();
    client.send('A LOGIN maomao maomao\r\n');
    await began.promise;
    expect(await client.rest()).toBe('* BYE Disconnected for inactivity.\r\n');
    verified();
    await expect.poll(() => house.server.sessions).toBe(0);
    expect(house.log.lines.filter((text) => text.startsWith('Login'))).toEqual([]);
  });

  test('sessions of one account from one client are limited, with the message of Dovecot', async () => {
    const house = await openWith({ sessionsPerUser: 2 });
    const first = await house.login();
    await house.login();
    const third = await house.connect();
    await third.line();
    const why = 'Maximum number of connections from user+IP exceeded (mail_max_userip_connections=2)';
    expect((await third.command('LOGIN maomao maomao')).completion).toBe(`NO [LIMIT] ${why}`);
    expect(await third.rest()).toBe('');
    await expect.poll(() => house.log.lines.at(-1)).toContain(`Disconnected: ${why}: user=<maomao>, method=PLAIN,`);
    await first.ok('LOGOUT');
    await first.rest();
    await expect.poll(() => house.server.sessions).toBe(1);
    await house.login();
  });

  test('the log states why the session ended', async () => {
    const house = await openWith({});
    const last = async (matching: RegExp): Promise<void> => expect.poll(() => house.log.lines.at(-1)).toMatch(matching);
    const gone = await house.connect();
    await gone.line();
    gone.destroy();
    await last(/^Disconnected: Connection closed \(no auth attempts in 0 secs\): user=<>, rip=/);
    const started = await house.connect();
    await started.line();
    started.send('A AUTHENTICATE PLAIN\r\n');
    await started.line();
    started.destroy();
    await last(
      /^Disconnected: Connection closed \(client didn't finish SASL auth, waited 0 secs\): user=<>, method=PLAIN, rip=/,
    );
    const inside = await house.login();
    inside.destroy();
    await last(/^Disconnected: Connection closed$/);
    const out = await house.login();
    await out.ok('LOGOUT');
    await last(/^Disconnected: Logged out$/);
  });
});

describe('policies', () => {
  test('STARTTLS encrypts, discards earlier input, and then offers password logins', async () => {
    const identity = await temporaryIdentity(['localhost']);
    const house = await openHouse({ identity, plaintextAuth: () => false });
    const client = await house.connect();
    expect(await client.line()).toMatch(/STARTTLS LOGINDISABLED/);
    client.send('A STARTTLS\r\nB LOGIN maomao maomao\r\n');
    expect(await client.until(/A OK Begin TLS negotiation now\.\r\n/)).toMatch(/^A OK/);
    await client.secure();
    expect((await client.command('CAPABILITY')).untagged).toMatch(
      /^\* CAPABILITY (?!.*(STARTTLS|LOGINDISABLED)).*AUTH=PLAIN/,
    );
    await client.ok('LOGIN maomao maomao');
    expect((await client.command('STARTTLS')).completion).toMatch(/^BAD/);
    expect(house.log.lines).toContainEqual(
      expect.stringMatching(/^Login: user=<maomao>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, TLS, session=<.+>$/),
    );
    client.destroy();
    await house.close();
  });

  test('if passwords may not be sent in clear text, LOGIN is disabled and an attempt gets a warning', async () => {
    const house = await openHouse({ plaintextAuth: () => false });
    const client = await house.connect();
    expect(await client.line()).toMatch(/LOGINDISABLED/);
    const { untagged, completion } = await client.command('LOGIN maomao maomao');
    expect(untagged).toMatch(/^\* BAD \[ALERT\]/);
    expect(completion).toMatch(/^NO \[PRIVACYREQUIRED\]/);
    expect((await client.command('AUTHENTICATE PLAIN')).completion).toMatch(/^NO \[PRIVACYREQUIRED\]/);
    expect((await client.command('STARTTLS')).completion).toMatch(/^BAD /);
    await house.close();
  });

  test('a plugin can refuse a login at imap_login', async () => {
    const house = await openHouse({ onLogin: () => denyDisconnect(reply(550, '5.7.1', 'Not on Mondays')) });
    const client = await house.connect();
    await client.line();
    client.send('A LOGIN maomao maomao\r\n');
    expect(await client.rest()).toMatch(/^\* BYE .*\r\nA NO \[AUTHORIZATIONFAILED\] Not on Mondays\r\n$/);
    await house.close();
    const silent = await openHouse({ onLogin: () => DISCONNECT });
    const other = await silent.connect();
    await other.line();
    other.send('A LOGIN maomao maomao\r\n');
    expect(await other.rest()).toMatch(/^\* BYE /);
    await silent.close();
  });

  test('close sends BYE to idle sessions, also in IDLE', async () => {
    const house = await openHouse();
    const resting = await house.login();
    const idling = await house.login();
    await idling.ok('SELECT INBOX');
    idling.send('I IDLE\r\n');
    await idling.until(/\+ idling\r\n/);
    const closed = house.server.close();
    expect(await resting.rest()).toBe('* BYE Server shutting down.\r\n');
    expect(await idling.rest()).toMatch(/^\* BYE Server shutting down.\r\n/);
    resting.destroy();
    idling.destroy();
    await closed;
    expect(house.server.sessions).toBe(0);
    await house.close();
  });

  test('CAPABILITY, ID and ENABLE', async () => {
    const house = await openHouse();
    const client = await house.login();
    const told = await client.ok('CAPABILITY');
    for (const name of [
      'IMAP4rev1',
      'IDLE',
      'UIDPLUS',
      'MOVE',
      'NAMESPACE',
      'ID',
      'SPECIAL-USE',
      'CREATE-SPECIAL-USE',
      'CHILDREN',
      'UNSELECT',
      'LITERAL+',
      'ENABLE',
      'CONDSTORE',
      'ESEARCH',
      'SASL-IR',
      'LIST-EXTENDED',
      'LIST-STATUS',
    ]) {
      expect(told).toMatch(new RegExp(`(^| )${name.replace('+', '\\+')}( |\r)`));
    }
    expect(await client.ok('ID ("name" "x" "version" NIL)')).toMatch(/^\* ID \("name" "Posthorn"/);
    expect(await client.ok('ID NIL')).toMatch(/^\* ID/);
    expect(await client.ok('ENABLE CONDSTORE X-FOO')).toBe('* ENABLED CONDSTORE\r\n');
    await client.append('INBOX', MESSAGE);
    await client.ok('SELECT INBOX');
    expect(await client.ok('STORE 1 +FLAGS (\\Seen)')).toMatch(/^\* 1 FETCH \(UID 1 MODSEQ \(\d+\) FLAGS/);
    await house.close();
  });
});
