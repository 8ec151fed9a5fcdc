import { describe, expect, it } from 'vitest';
import { deny, denySoft, NEXT, type Verdict } from '../../../src/bus/hook.ts';
import type { Account } from '../../../src/mail/account.ts';
import type { LoginResult } from '../../../src/server/login/authenticator.ts';
import { Turns, TurnsFullError } from '../../../src/server/login/password/turns.ts';
import { hashPassword, schemeOf, verifyPassword as verifyOctets } from '../../../src/server/login/password.ts';
import { PasswordAuthenticator } from '../../../src/server/login/password-authenticator.ts';
import { LoginThrottle } from '../../../src/server/login/throttle.ts';
import { quietLog } from '../../kit/log.ts';
import { VirtualTime } from '../../kit/virtual-time.ts';

const account = (passwordHash: string, disabled = false): Account => ({
  id: 1,
  address: 'maomao@baidu.com',
  passwordHash,
  disabled,
  quota: 0,
  forwarding: null,
  createdAt: 0,
});
const verifyPassword = (password: string, stored: string): Promise<boolean> =>
  verifyOctets(Buffer.from(password), stored);

function door(options: { found?: Account | null | Error; verdict?: Verdict } = {}) {
  const time = new VirtualTime();
  const state = {
    found: options.found === undefined ? account('{PLAIN}geheim') : options.found,
    asked: [] as string[],
  };
  const authenticator = new PasswordAuthenticator({
    directory: {
      async find(address) {
        state.asked.push(address);
        if (state.found instanceof Error) throw state.found;
        return state.found !== null && address.toLowerCase() === state.found.address ? state.found : null;
      },
      get: async () => (state.found instanceof Error ? null : state.found),
      watch: () => () => {},
    },
    hooks: { has: () => options.verdict !== undefined, run: async () => options.verdict ?? NEXT },
    defaultDomains: ['other.example', 'baidu.com'],
    log: quietLog,
    clock: time.clock,
    throttle: new LoginThrottle({ log: quietLog, clock: time.clock, sleep: time.sleep }),
  });
  const verify = (login: string, password: string | Buffer, remoteIp: string): Promise<LoginResult> =>
    authenticator.verify({ login, password: Buffer.from(password), remoteIp, protocol: 'imap', mechanism: 'PLAIN' });
  const login = async (name: string, password: string | Buffer, remoteIp = '192.0.2.1') =>
    (await time.until(verify(name, password, remoteIp))).result;
  /** Seconds until a wrong password is refused. */
  const refusedAfter = async (name: string, password: string): Promise<number> => {
    const began = time.now;
    const { result, at } = await time.until(verify(name, password, '192.0.2.1'));
    expect(result).toEqual({ ok: false, reason: 'credentials' });
    return (at - began) / 1000;
  };
  return { state, login, refusedAfter };
}

describe('logging in', () => {
  it('S3: finds the account by its address, or by a name without a domain in one of our domains', async () => {
    const { state, login } = door();
    expect(await login('Maomao@Baidu.com', 'geheim')).toMatchObject({ ok: true, account: { id: 1 } });
    expect(await login('maomao', 'geheim')).toMatchObject({ ok: true });
    expect(state.asked).toEqual(['Maomao@Baidu.com', 'maomao@other.example', 'maomao@baidu.com']);
  });

  it('refuses wrong passwords, unknown logins, disabled accounts and accounts without a password with the same answer', async () => {
    const refused = { ok: false, reason: 'credentials' };
    expect(await door().login('maomao', 'wrong')).toEqual(refused);
    expect(await door().login('nobody', 'geheim')).toEqual(refused);
    expect(await door().login('', '')).toEqual(refused);
    expect(await door({ found: account('{PLAIN}geheim', true) }).login('maomao', 'geheim')).toEqual(refused);
    expect(await door({ found: account('') }).login('maomao', '')).toEqual(refused);
  });

  it('asks plugins first: they accept, refuse, or leave the decision to the directory', async () => {
    expect(await door({ verdict: { code: 'OK', account: account('') } }).login('x', 'y')).toMatchObject({ ok: true });
    expect(await door({ verdict: deny() }).login('maomao', 'geheim')).toEqual({ ok: false, reason: 'credentials' });
    expect(await door({ verdict: denySoft() }).login('maomao', 'geheim')).toEqual({ ok: false, reason: 'unavailable' });
    expect(await door({ verdict: NEXT }).login('maomao', 'geheim')).toMatchObject({ ok: true });
  });

  it('answers unavailable, not wrong, if the directory fails', async () => {
    expect(await door({ found: new Error('down') }).login('maomao', 'geheim')).toEqual({
      ok: false,
      reason: 'unavailable',
    });
  });

  it('P8: refuses after the same time whether the login exists or not, however it is written, and slower with each attempt', async () => {
    const waits = [2, 2, 2, 2, 2, 4, 8, 15];
    const [exists, unknown] = [door(), door()];
    for (const [i, wait] of waits.entries()) {
      const form = ['maomao', 'Maomao@baidu.com', ' MAOMAO@other.example'][i % 3] ?? '';
      expect(await exists.refusedAfter(form, `wrong ${i}`)).toBe(wait);
      expect(await unknown.refusedAfter(form.replace(/maomao/i, 'nobody'), `wrong ${i}`)).toBe(wait);
    }
    expect(await exists.login('maomao', 'geheim')).toMatchObject({ ok: true });
  });

  it('refuses an account that is removed or disabled while its password is checked', async () => {
    for (const then of [null, account('{PLAIN}geheim', true), account('{PLAIN}other')]) {
      const { state, login } = door();
      const pending = login('maomao', 'geheim');
      await Promise.resolve();
      queueMicrotask(() => {
        state.found = then;
      });
      expect(await pending).toMatchObject({ ok: false });
    }
  });

  it('caches a correct password for a while, until the hash changes', async () => {
    const { state, login } = door({ found: account(await hashPassword('geheim')) });
    expect(await login('maomao', 'geheim')).toMatchObject({ ok: true });
    expect(await login('maomao', 'geheim')).toMatchObject({ ok: true });
    expect(await login('maomao', 'wrong')).toMatchObject({ ok: false });
    state.found = account('{PLAIN}other');
    expect(await login('maomao', 'geheim')).toMatchObject({ ok: false });
    expect(await login('maomao', 'other')).toMatchObject({ ok: true });
  });

  it('compares a password that is not UTF-8 by its octets', async () => {
    // {SHA1} of `p` and the octet E4.
    const stored = '{SHA1.hex}c4309a32e1837960c3cf3fce251fd8f88ec6791a';
    const { login } = door({ found: account(stored) });
    expect(await login('maomao', Buffer.from('p\xe4', 'latin1'))).toMatchObject({ ok: true });
    expect(await login('maomao', Buffer.from('p\xff', 'latin1'))).toMatchObject({ ok: false });
    expect(await login('maomao', 'p\u00e4')).toMatchObject({ ok: false });
  });
});

describe('passwords', () => {
  // Made with `doveadm pw -s SCHEME -p maomao`.
  it.each([
    '{PLAIN}maomao',
    '{PBKDF2}$1$jz6dUaJpvYPRTGOs$5000$4e768eceb2a8941f11a44f30b2ee1780c06d2ccc',
    // Made with npm @phc/pbkdf2, as WildDuck does.
    '{PBKDF2}$pbkdf2-sha1$i=1000$PjHx0BDMQU5O4yjkplXhCw$zeIRLpPuGp51or8CNoAVr5o99iw',
    '{PBKDF2}$pbkdf2-sha256$i=1000$XXtqxIPy0rqYrNKbICy2xw$ryxw4fqdGgsYUd0425ROTpxCYRGmyYH5iKY97YTn6Tg',
    '{PBKDF2}$pbkdf2-sha512$i=1000$UM1CnMuujiVrTddjNeGPyA$jPW7dJ1uJd+rWFHY3qg2734hYVJF+RZJO0AL8GnKVWXHSrJdCJdZrm+O7hqbcqTTapWHBSI9XWoAuqRM4h3QvQ',
    '{SSHA}E+tGE82/tkwErlttOz2I4NY/iRnhiTr+',
    '{SSHA256}VifwPpSAjYYYpDwnZJ/5G7eBXHXSK+YGG4LTxrOO+e9974UY',
    '{SSHA512}t6+zI4zpga9i4pwS4JvXLwTfZGh250YBmtTLCaWD2apOV4dixhVbmrBpDq6r1wi0C5KOK7kNoAeX010Bcb61eVFWR+w=',
    '{SHA512-CRYPT}$6$yEusQznIUuhXQAgm$Mhhs1sc5r1qy66GLDRN.V6u3NQt5lxuhd7thCJGQ.Nnj2aKIAsgHTz4KinaAW0qi9yxqM/JljkIaxGoP30Jqm0',
    '{SHA256-CRYPT}$5$PL58CFjuCaIdR.Aw$NpbcT4BKzf6Ks.vWYJ/zqo05622tPb8WP6zBRrV46u2',
    '$5$PL58CFjuCaIdR.Aw$NpbcT4BKzf6Ks.vWYJ/zqo05622tPb8WP6zBRrV46u2',
    '{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$3q8jBZxWeuUioeVVJ0gEkQ$HPAOSIrwnHvo1DynP/bhNmrLw1sjJc8IsYN5cQZYhuk',
    '{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$XypFDr9LYXenb4obBkLRBg$CkQ/TCYRBi4imvDSJFFrdFxHOFKZX2hqokoYmADGI/Y',
    '{SHA256}ioWIqyboz8mZW5pDuVP/XkpChQdjfUw9MotKaiKH9Js=',
    '{SHA1}h+M6D9OJrZUh8pndhgewipFSTG8=',
    '{PLAIN-MD5}e2145387bcc7842edef4ccecc34b7da4',
    '{SMD5}APn9I9WPpbxaelmNlyi65J4m6sk=',
    '{LDAP-MD5}4hRTh7zHhC7e9Mzsw0t9pA==',
    '{BLF-CRYPT}$2y$05$o0HlA02566JfKYApjNyOtu6WL/qOpgTlc3Gq.a3Ry2tB0TxiVOASK',
    '{CRYPT}$2y$05$h.jnZhTKnKpOxdXkoX4RweP5gEe5BGMrbklCpkeopxSUAcIKwzuWq',
    '{SCRAM-SHA-256}4096,KJKYOWFzwWgC5cWSWgMxsw==,MVFhXILWEERv5kSykSP1cdyanolaiKQVXjfA6jEfM2U=,LcRrUOVeDFBtEcR0JVVePofYEu8OWT34pI0tWeSlgag=',
  ])('S3: %s', async (stored) => {
    expect(await verifyPassword('maomao', stored)).toBe(true);
    expect(await verifyPassword('maomaO', stored)).toBe(false);
    expect(await verifyPassword('', stored)).toBe(false);
  });

  it.each([
    [
      'Hello world!',
      '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
    ],
    ['Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
    [
      'we have a short salt string but not a short password',
      '$6$rounds=77777$short$WuQyW2YR.hBNpjjRhpYD/ifIw05xdfeEyQoMxIXbkvr0gge1a1x3yRULJ5CCaUeOxFmtlcGZelFl5CxtgfiAc0',
    ],
  ])('S3: the test vectors of the SHA-crypt document: %s', async (password, stored) => {
    expect(await verifyPassword(password, stored)).toBe(true);
  });

  it('new hashes are Argon2id with their own salt', async () => {
    const [first, second] = await Promise.all([hashPassword('x'), hashPassword('x')]);
    expect(first).toMatch(/^\{ARGON2ID\}\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(first).not.toBe(second);
    expect(await verifyPassword('x', first)).toBe(true);
  });

  it.each([
    '',
    'maomao',
    '{NOPE}x',
    '{ARGON2ID}x',
    '{SHA512-CRYPT}$6$',
    '{PBKDF2}$1$a$0$00',
    '{PBKDF2}$pbkdf2-sha256$i=0$aa$aa',
    '{PBKDF2}$pbkdf2-md5$i=1$aa$aa',
    '{BLF-CRYPT}$2y$31$xx',
    '{SSHA}',
    '{constructor}x',
    '{PLAIN}',
  ])('%j matches nothing', async (stored) => {
    expect(await verifyPassword('maomao', stored)).toBe(false);
    expect(await verifyPassword('', stored)).toBe(false);
  });

  it('finds the scheme of a hash', () => {
    expect(schemeOf('{ssha512.b64}x')).toBe('SSHA512');
    expect(schemeOf('$6$salt$x')).toBe('CRYPT');
    expect(schemeOf('x')).toBe('');
  });
});

describe('turns', () => {
  it('run up to a limit, queue up to a limit, and refuse the rest', async () => {
    const turns = new Turns(1, 1);
    const { promise: gate, resolve } = Promise.withResolvers<void>();
    const order: number[] = [];
    const first = turns.run('a', false, async () => {
      await gate;
      order.push(1);
    });
    const second = turns.run('a', false, async () => void order.push(2));
    await expect(turns.run('a', false, async () => {})).rejects.toThrow(TurnsFullError);
    resolve();
    await Promise.all([first, second]);
    await turns.run('a', false, async () => void order.push(3));
    expect(order).toEqual([1, 2, 3]);
  });

  it('serve clients in turn, urgent tasks first; a full queue drops a task of the client that has the most', async () => {
    const turns = new Turns(1, 6);
    const { promise: gate, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    const run = (client: string, name: string, urgent = false): Promise<string> =>
      turns
        .run(client, urgent, async (waiting) => void order.push(`${name} ${waiting}`))
        .then(
          () => 'done',
          () => `${name} refused`,
        );
    const first = turns.run('x', false, () => gate);
    const greedy = ['a1', 'a2', 'a3', 'a4', 'a5'].map((name) => run('a', name));
    const others = [run('b', 'b1'), run('c', 'c1'), run('d', 'd1', true)];
    resolve();
    await first;
    expect(await Promise.all(greedy)).toEqual(['done', 'done', 'done', 'a4 refused', 'a5 refused']);
    expect(await Promise.all(others)).toEqual(['done', 'done', 'done']);
    expect(order).toEqual(['d1 0', 'a1 2', 'b1 0', 'c1 0', 'a2 1', 'a3 0']);
  });
});
