import { describe, expect, test } from 'vitest';
import { type Link, RefusedError, type ServerAddress, Servers } from '../../../src/lookup/database/servers.ts';
import { TableUnavailableError } from '../../../src/lookup/table-fault.ts';
import { recordLog } from '../../kit/log.ts';

type TestLink = Link<string, string>;

interface Fake extends ServerAddress<TestLink> {
  isAway: boolean;
  readonly asked: string[];
  opened: number;
  closed: number;
  answer: (query: string) => Promise<string>;
}

function fake(name: string, isLocal = false): Fake {
  const server: Fake = {
    name,
    isLocal,
    isAway: false,
    asked: [],
    opened: 0,
    closed: 0,
    answer: async (query) => `${name}: ${query}`,
    async open() {
      if (server.isAway) throw new Error('connect ECONNREFUSED');
      server.opened += 1;
      return {
        ask: (query) => {
          server.asked.push(query);
          return server.isAway ? Promise.reject(new Error('connection lost')) : server.answer(query);
        },
        close: () => {
          server.closed += 1;
        },
      };
    },
  };
  return server;
}

function open(...servers: Fake[]) {
  const { log, lines } = recordLog(({ message }) => message);
  let now = 0;
  const pool = new Servers<string, string>('mysql:x', servers, 'random', { log, clock: () => now });
  return { pool, lines, wait: (ms: number) => (now += ms) };
}

describe('P5: servers of database tables', () => {
  test('a socket comes first, and its connection is used again', async () => {
    const [inet, unix] = [fake('inet'), fake('unix', true)];
    const { pool } = open(inet, unix);
    for (let i = 0; i < 5; i += 1) expect(await pool.ask('q')).toBe('unix: q');
    expect([inet.opened, unix.opened]).toEqual([0, 1]);
    pool.close();
    expect(unix.closed).toBe(1);
  });

  test('an outage is logged once, the server left out for a while, and its return logged', async () => {
    const server = fake('inet');
    const { pool, lines, wait } = open(server);
    expect(await pool.ask('1')).toBe('inet: 1');
    server.isAway = true;
    for (let i = 0; i < 3; i += 1) await expect(pool.ask('2')).rejects.toThrow(TableUnavailableError);
    expect(lines).toEqual(['mysql:x: inet: connect ECONNREFUSED']);
    server.isAway = false;
    await expect(pool.ask('3')).rejects.toThrow('tried again after 10 s');
    wait(10_000);
    expect(await pool.ask('4')).toBe('inet: 4');
    expect(lines.slice(1)).toEqual(['mysql:x: inet answers again']);
    pool.close();
  });

  test('where one server is away another one answers', async () => {
    const [away, here] = [fake('away', true), fake('here')];
    away.isAway = true;
    const { pool, lines } = open(away, here);
    expect(await Promise.all(['a', 'b'].map((query) => pool.ask(query)))).toEqual(['here: a', 'here: b']);
    expect(lines).toHaveLength(1);
    pool.close();
  });

  test('a refused query asks no other server, keeps the connection, and is logged once', async () => {
    const [first, second] = [fake('first', true), fake('second')];
    first.answer = () => Promise.reject(new RefusedError('syntax error'));
    const { pool, lines } = open(first, second);
    for (let i = 0; i < 3; i += 1) await expect(pool.ask('q')).rejects.toMatchObject({ isLogged: true });
    expect([first.opened, first.closed, second.opened]).toEqual([1, 0, 0]);
    expect(lines).toEqual(['mysql:x: the query was refused: syntax error']);
    pool.close();
  });

  test('five connections at most; the others wait for their turn, a thousand at most', async () => {
    const server = fake('inet');
    const waiting: (() => void)[] = [];
    server.answer = (query) => new Promise((resolve) => waiting.push(() => resolve(query)));
    const { pool } = open(server);
    const asked = Array.from({ length: 1005 }, (_, i) => pool.ask(String(i)));
    await expect(pool.ask('too many')).rejects.toThrow('too many lookups are waiting');
    let answered = 0;
    while (answered < asked.length) {
      await new Promise(setImmediate);
      expect(waiting.length).toBeLessThanOrEqual(5);
      answered += waiting.length;
      for (const answer of waiting.splice(0)) answer();
    }
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 1005 }, (_, i) => String(i)));
    expect(server.opened).toBe(5);
    pool.close();
  });
});
