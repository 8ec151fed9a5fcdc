/** Limits of one client hold over all processes that share a database, about a second late. */

import { describe, expect, test } from 'vitest';
import type { LoginResult } from '../../src/server/login/authenticator.ts';
import { SessionPlaces } from '../../src/server/login/session-places.ts';
import { LoginThrottle } from '../../src/server/login/throttle.ts';
import { ClientLimits } from '../../src/server/smtp/client-limits.ts';
import type { Cluster } from '../../src/store/cluster.ts';
import { Processes } from '../kit/cluster.ts';
import { accountOf } from '../kit/directory.ts';
import { quietLog } from '../kit/log.ts';
import { VirtualTime } from '../kit/virtual-time.ts';

const CLIENT = '192.0.2.1';

/** Two processes, and a part of each. */
function two<T>(make: (cluster: Cluster) => T): { all: Processes; parts: readonly [T, T]; clusters: Cluster[] } {
  const all = new Processes();
  const clusters = [all.join(), all.join()];
  const [a, b] = clusters.map(make);
  if (a === undefined || b === undefined) throw new Error('two were made');
  return { all, parts: [a, b], clusters };
}

describe('session places', () => {
  const make = (cluster: Cluster) => new SessionPlaces(3, { cluster, topic: 'sessions' });

  test('are taken in every process, and free when they are given back or the process is dead', () => {
    const { all, parts, clusters } = two(make);
    const [a, b] = parts;
    const giveBack = a.take(1, CLIENT);
    expect(a.take(1, CLIENT)).not.toBeNull();
    all.exchange();
    expect(b.take(1, CLIENT)).not.toBeNull();
    expect(b.take(1, CLIENT)).toBeNull();
    expect(b.take(2, CLIENT)).not.toBeNull();
    expect(b.take(1, '192.0.2.2')).not.toBeNull();
    giveBack?.();
    all.exchange();
    expect(b.take(1, CLIENT)).not.toBeNull();
    expect(b.take(1, CLIENT)).toBeNull();
    all.kill(clusters[0] as Cluster);
    expect(b.take(1, CLIENT)).not.toBeNull();
    expect(b.take(1, CLIENT)).toBeNull();
  });

  test('are not told any more by a server that is closed, nor where there is no limit', () => {
    const { all, parts, clusters } = two(make);
    parts[0].take(1, CLIENT);
    expect(all.told(clusters[0] as Cluster).get('sessions')?.size).toBe(1);
    parts[0].end();
    expect(all.told(clusters[0] as Cluster).size).toBe(0);
    const unlimited = all.join();
    new SessionPlaces(0, { cluster: unlimited, topic: 'sessions' }).take(1, CLIENT);
    expect(all.told(unlimited).size).toBe(0);
  });
});

describe('limits of an SMTP client', () => {
  const RATES = { connections: 0, messages: 3, recipients: 0, logins: 0, handshakes: 0 };

  function open() {
    const time = { now: 0 };
    const opened = two(
      (cluster) =>
        new ClientLimits(
          {
            atOnce: 3,
            rates: RATES,
            timeUnit: 60_000,
            exceptions: ['10.0.0.0/8'],
            sharing: { cluster, topic: 'smtp' },
          },
          () => time.now,
        ),
    );
    return { ...opened, time };
  }

  test('count its connections in every process', () => {
    const { all, parts, clusters } = open();
    const [a, b] = parts;
    expect([a.open(CLIENT), a.open(CLIENT)]).toEqual([true, true]);
    all.exchange();
    expect([b.open(CLIENT), b.open(CLIENT)]).toEqual([true, false]);
    b.close(CLIENT);
    expect([a.open('10.0.0.1'), b.open('10.0.0.1')]).toEqual([true, true]);
    all.exchange();
    expect(all.told(clusters[0] as Cluster).get('smtp open')).toEqual(new Map([[CLIENT, 2]]));
    expect(a.open(CLIENT)).toBe(false);
    all.kill(clusters[0] as Cluster);
    expect(b.open(CLIENT)).toBe(true);
  });

  test('count its messages in every process, each for its own time unit, and nothing without a limit', () => {
    const { all, parts, clusters, time } = open();
    const [a, b] = parts;
    expect([a.allows(CLIENT, 'messages'), a.allows(CLIENT, 'messages')]).toEqual([true, true]);
    all.exchange();
    expect([b.allows(CLIENT, 'messages'), b.allows(CLIENT, 'messages')]).toEqual([true, false]);
    time.now = 60_000;
    all.exchange();
    expect([b.allows(CLIENT, 'messages'), b.allows(CLIENT, 'messages')]).toEqual([true, true]);
    expect([...all.told(clusters[0] as Cluster).keys()]).toEqual(['smtp open', 'smtp messages']);
  });

  test('tell of clients that are counted, and of no more than are kept', () => {
    const { all, parts, clusters } = open();
    for (let i = 0; i < 60_000; i += 1) parts[0].open(`198.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(all.told(clusters[0] as Cluster).get('smtp open')?.size).toBe(50_000);
    parts[0].end();
    expect(all.told(clusters[0] as Cluster).size).toBe(0);
  });
});

describe('failed logins', () => {
  const RIGHT = 'right';
  const WRONG: LoginResult = { ok: false, reason: 'credentials' };

  function open(processes = 2) {
    const time = new VirtualTime();
    const all = new Processes();
    const clusters = Array.from({ length: processes }, () => all.join());
    const throttles = clusters.map(
      (cluster) => new LoginThrottle({ log: quietLog, clock: time.clock, sleep: time.sleep, cluster }),
    );
    const attempt = (at: number, name: string, password: string, remoteIp: string): Promise<LoginResult> =>
      (throttles[at] as LoginThrottle).run({ name, password: Buffer.from(password), remoteIp }, () =>
        Promise.resolve(
          password === RIGHT
            ? {
                ok: true,
                account: accountOf(name),
              }
            : WRONG,
        ),
      );
    /** Whether it succeeded, and after how many seconds. A second later every process knows. */
    const login = async (at: number, name: string, password: string, remoteIp = CLIENT) => {
      const began = time.now;
      const { result, at: ended } = await time.until(attempt(at, name, password, remoteIp));
      all.exchange();
      return [result.ok, (ended - began) / 1000] as const;
    };
    let guesses = 0;
    const guess = async (at: number, name: string, remoteIp?: string): Promise<number> => {
      guesses += 1;
      return (await login(at, name, `guess ${guesses}`, remoteIp))[1];
    };
    return { all, clusters, attempt, login, guess };
  }

  test('of one name from one address delay the next attempt in every process', async () => {
    const { guess } = open();
    const waits = [];
    for (let i = 0; i < 12; i += 1) waits.push(await guess(i % 2, 'maomao'));
    // As in one process, but for the failure that each keeps to itself.
    expect(waits).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 15, 15, 15, 15]);
  });

  test('of a dead process are forgotten', async () => {
    const { all, clusters, guess, login } = open();
    for (let i = 0; i < 10; i += 1) await guess(0, 'maomao');
    expect(await login(1, 'maomao', RIGHT, '192.0.2.1')).toEqual([true, 8]);
    for (let i = 0; i < 10; i += 1) await guess(0, 'xixi');
    all.kill(clusters[0] as Cluster);
    expect(await guess(1, 'xixi')).toBe(0);
  });

  test('are forgotten everywhere after the correct password in one of them', async () => {
    const { all, guess, login } = open(3);
    for (let i = 0; i < 10; i += 1) await guess(i % 2, 'maomao');
    expect(await login(2, 'maomao', RIGHT)).toEqual([true, 15]);
    // Also before the others have heard of it.
    expect(await login(2, 'maomao', RIGHT)).toEqual([true, 0]);
    all.exchange();
    expect(await login(0, 'maomao', RIGHT)).toEqual([true, 0]);
    expect(await login(1, 'maomao', RIGHT)).toEqual([true, 0]);
    for (let i = 0; i < 4; i += 1) await guess(0, 'maomao');
    expect(await guess(2, 'maomao')).toBe(1);
  });

  test('count once in each process where a client repeats a wrong password, and delay nobody', async () => {
    const { login } = open(5);
    for (let i = 0; i < 50; i += 1) expect(await login(i % 5, 'maomao', 'the old password')).toEqual([false, 0]);
    expect(await login(3, 'maomao', RIGHT)).toEqual([true, 0]);
  });

  test('of one address, and of one name, delay the strangers in every process but not who has logged in', async () => {
    const { guess, login } = open();
    await login(0, 'maomao', RIGHT);
    for (let i = 0; i < 60; i += 1) await guess(0, `nobody${i}`);
    expect(await login(1, 'xixi', RIGHT)).toEqual([true, 5]);
    for (let i = 0; i < 200; i += 1) await guess(0, 'maomao', `198.51.100.${i}`);
    expect(await login(1, 'maomao', RIGHT, '203.0.113.7')).toEqual([true, 15]);
    expect(await login(1, 'maomao', RIGHT)).toEqual([true, 0]);
  });

  test('are told as digests, and no more of them than are kept', async () => {
    const { all, clusters, attempt, guess, login } = open();
    for (let i = 0; i < 3; i += 1) await guess(0, `my secret, typed as a name${'!'.repeat(500)}`);
    await login(0, 'maomao', RIGHT);
    const told = JSON.stringify([...all.told(clusters[0] as Cluster)].map(([topic, counts]) => [topic, [...counts]]));
    expect(told).not.toMatch(/secret|192\.0\.2\.1|maomao/);
    const keys = [...all.told(clusters[0] as Cluster).values()].flatMap((counts) => [...counts.keys()]);
    expect(Math.max(...keys.map((key) => key.length))).toBe(22);
    for (let i = 0; i < 11_000; i += 1)
      await attempt(0, `name${i}`, 'a guess', `198.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    expect(all.told(clusters[0] as Cluster).get('failed logins by name')?.size).toBe(10_000);
  });
});
