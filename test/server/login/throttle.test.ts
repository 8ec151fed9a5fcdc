import { describe, expect, it } from 'vitest';
import type { LoginResult } from '../../../src/server/login/authenticator.ts';
import { LoginThrottle } from '../../../src/server/login/throttle.ts';
import { accountOf } from '../../kit/directory.ts';
import { recordLog } from '../../kit/log.ts';
import { VirtualTime } from '../../kit/virtual-time.ts';

const RIGHT = 'right';
const NAT = '192.0.2.1';

function open() {
  const time = new VirtualTime();
  const { log, lines } = recordLog(({ level, message }) => (level === 'debug' ? null : message));
  const throttle = new LoginThrottle({ log, clock: time.clock, sleep: time.sleep });
  /** When each password was checked, in ms. */
  const checked: number[] = [];
  const attempt = (name: string, password: string, remoteIp = NAT): Promise<LoginResult> =>
    throttle.run({ name, password: Buffer.from(password), remoteIp }, async () => {
      checked.push(time.now);
      return password === RIGHT
        ? {
            ok: true,
            account: accountOf(name),
          }
        : WRONG;
    });
  /** Whether the login succeeded, and after how many seconds. */
  const login = async (
    name: string,
    password: string,
    remoteIp?: string,
  ): Promise<readonly [boolean | 'refused', number]> => {
    const began = time.now;
    const { result, at } = await time.until(attempt(name, password, remoteIp));
    return [result.ok || (result.reason === 'credentials' ? false : 'refused'), (at - began) / 1000];
  };
  let guesses = 0;
  const guess = (name: string, remoteIp?: string): Promise<readonly [boolean | 'refused', number]> => {
    guesses += 1;
    return login(name, `guess ${guesses}`, remoteIp);
  };
  return { time, lines, checked, attempt, login, guess };
}

const WRONG: LoginResult = { ok: false, reason: 'credentials' };

describe('guesses for one name from one address', () => {
  it('are delayed longer each time, up to 15 s', async () => {
    const { guess } = open();
    const waits = [];
    for (let i = 0; i < 10; i += 1) waits.push((await guess('maomao'))[1]);
    expect(waits).toEqual([0, 0, 0, 1, 2, 4, 8, 15, 15, 15]);
  });

  it('are checked one at a time, however many connections send them at once', async () => {
    const { time, checked, attempt } = open();
    await time.until(Promise.all(Array.from({ length: 90 }, (_, i) => attempt('maomao', `guess ${i}`))));
    expect(checked.map((ms) => ms / 1000)).toEqual([0, 0, 0, 1, 3, 7, 15]);
  });

  it('are refused if a hundred are already waiting', async () => {
    const { time, attempt, lines } = open();
    const all = Promise.all(Array.from({ length: 110 }, (_, i) => attempt('maomao', `guess ${i}`)));
    const { result } = await time.until(all);
    expect(result.slice(103)).toEqual(Array.from({ length: 7 }, () => ({ ok: false, reason: 'unavailable' })));
    expect(lines.filter((line) => line.startsWith('too many logins are waiting'))).toHaveLength(1);
  });

  it('are forgotten after some quiet minutes, and at once after the correct password', async () => {
    const { time, guess, login } = open();
    for (let i = 0; i < 20; i += 1) await guess('maomao');
    time.now += 10 * 60_000;
    expect(await guess('maomao')).toEqual([false, 0]);
    for (let i = 0; i < 20; i += 1) await guess('maomao');
    expect(await login('maomao', RIGHT)).toEqual([true, 15]);
    expect(await guess('maomao')).toEqual([false, 0]);
  });

  it('count once if a client repeats a wrong password, and do not delay the others', async () => {
    const { login } = open();
    for (let i = 0; i < 200; i += 1) expect(await login('maomao', 'the old password')).toEqual([false, 0]);
    expect(await login('maomao', RIGHT)).toEqual([true, 0]);
  });

  it('count together for a whole IPv6 /64, and separately for the next one', async () => {
    const { guess, lines } = open();
    for (let i = 0; i < 5; i += 1) await guess('maomao', `2001:db8:0:1::${i}`);
    expect((await guess('maomao', '2001:db8:0:1::99'))[1]).toBe(4);
    expect((await guess('maomao', '2001:db8:0:2::99'))[1]).toBe(0);
    expect(lines[0]).toBe(
      'too many failed logins from 2001:db8:0:1::/64 as user=<maomao>: delaying them by up to 15 secs',
    );
  });
});

describe('guesses for many names from one address', () => {
  it('let a client with the correct password in after at most 5 s, while others at the address fail a thousand times', async () => {
    const { guess, login } = open();
    for (let i = 0; i < 1000; i += 1) await guess(`nobody${i}`);
    expect(await login('maomao', RIGHT)).toEqual([true, 5]);
  });

  it('do not delay a name that has logged in from there before', async () => {
    const { guess, login } = open();
    await login('maomao', RIGHT);
    for (let i = 0; i < 1000; i += 1) await guess(`nobody${i}`);
    expect(await login('maomao', RIGHT)).toEqual([true, 0]);
  });

  it('are refused after the same time whether or not the name exists and has logged in from there', async () => {
    const { guess, login } = open();
    await login('maomao', RIGHT);
    for (let i = 0; i < 1000; i += 1) await guess(`nobody${i}`);
    expect(await guess('maomao')).toEqual([false, 5]);
    expect(await guess('nobody')).toEqual([false, 5]);
  });

  it('do not affect other addresses', async () => {
    const { guess, login } = open();
    for (let i = 0; i < 100; i += 1) await guess(`nobody${i}`);
    expect(await login('maomao', RIGHT, '192.0.2.2')).toEqual([true, 0]);
  });
});

describe('guesses for one name from many addresses', () => {
  it('do not delay its owner where it has logged in before, and let it in elsewhere within 15 s', async () => {
    const { guess, login } = open();
    await login('maomao', RIGHT);
    for (let i = 0; i < 500; i += 1) await guess('maomao', `198.51.${i >> 8}.${i & 255}`);
    expect(await login('maomao', RIGHT)).toEqual([true, 0]);
    expect(await login('maomao', RIGHT, '203.0.113.7')).toEqual([true, 15]);
    expect(await login('maomao', RIGHT, '203.0.113.7')).toEqual([true, 0]);
    expect(await login('xixi', RIGHT, '203.0.113.8')).toEqual([true, 0]);
  });
});

describe('the log', () => {
  it('has one line when delays begin and one when they end, and no password', async () => {
    const { time, guess, lines } = open();
    for (let i = 0; i < 10; i += 1) await guess('maomao');
    for (let i = 0; i < 30; i += 1) await guess(`nobody${i}`);
    time.now += 60 * 60_000;
    await guess('maomao');
    expect(lines).toEqual([
      'too many failed logins from 192.0.2.1 as user=<maomao>: delaying them by up to 15 secs',
      'too many failed logins from 192.0.2.1: delaying its logins by up to 5 secs',
      'logins from 192.0.2.1 as user=<maomao> are no longer delayed',
      'logins from 192.0.2.1 are no longer delayed',
    ]);
  });

  it('reports that attempts for a name are delayed everywhere', async () => {
    const { guess, lines } = open();
    for (let i = 0; i < 25; i += 1) await guess('mao\r\n<mao>', `198.51.100.${i}`);
    expect(lines).toEqual([
      'too many failed logins as user=<mao???mao?>: delaying those from new addresses by up to 15 secs',
    ]);
  });

  it('has at most 20 lines a minute, then the number of suppressed lines', async () => {
    const { time, guess, lines } = open();
    for (let i = 0; i < 100; i += 1) for (let j = 0; j < 4; j += 1) await guess(`nobody${i}`, `198.51.100.${i}`);
    const within = Math.floor(time.now / 60_000);
    time.now += 60_000;
    for (let j = 0; j < 4; j += 1) await guess('another', '198.51.100.200');
    expect(lines.length).toBeLessThanOrEqual(20 * (within + 1) + 2 * (within + 1));
    expect(lines.some((line) => /^\d+ more lines about delayed logins were left out$/.test(line))).toBe(true);
  });
});
