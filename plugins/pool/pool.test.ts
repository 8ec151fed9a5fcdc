import { afterEach, describe, expect, it } from 'vitest';
import type { Task } from '../../test/kit/pool-thread.ts';
import { openContent } from './octets.ts';
import { Pool, type PoolOptions } from './pool.ts';

const ENTRY = new URL('../../test/kit/pool-thread.ts', import.meta.url);

let pool: Pool<Task, unknown>;
const ends: string[] = [];
const start = (options: Partial<PoolOptions> = {}): void => {
  ends.length = 0;
  pool = new Pool({ entry: ENTRY, name: 'test', deadlineMs: 20_000, onEnd: (why) => ends.push(why), ...options });
};
afterEach(() => pool.close());

const double = (n: number) => pool.run({ do: 'double', n });

describe('a pool of threads', () => {
  it('starts none before it is needed', () => {
    start();
    expect(pool.load).toEqual({ waiting: 0, running: 0 });
  });

  it('does more work than it has threads, each piece once', async () => {
    start({ threads: 2 });
    const results = await Promise.all(Array.from({ length: 100 }, (_, n) => double(n)));
    expect(results).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
    expect(pool.load).toEqual({ waiting: 0, running: 0 });
  });

  it('the work may ask, and gets the answer or the error', async () => {
    start();
    const answer = (question: string) => {
      if (question === 'bad') throw new Error('not that');
      return `${question}!`;
    };
    expect(await pool.run({ do: 'ask', question: 'hello' }, answer)).toBe('hello!');
    await expect(pool.run({ do: 'ask', question: 'bad' }, answer)).rejects.toMatchObject({
      reason: 'failed',
      message: 'not that',
    });
    await expect(pool.run({ do: 'ask', question: 'x' })).rejects.toThrow('this work may ask nothing');
    // An answer that cannot be copied is an error of that work alone.
    await expect(pool.run({ do: 'ask', question: 'x' }, () => () => {})).rejects.toThrow(/could not be cloned/);
    expect(await double(2)).toBe(4);
  });

  it('what the work throws is the rejection', async () => {
    start();
    await expect(pool.run({ do: 'throw' })).rejects.toMatchObject({ reason: 'failed', message: 'no such thing' });
    expect(ends).toEqual([]);
  });

  it('work that waits too long is late; its thread goes on with other work', async () => {
    start({ atOnce: 10, deadlineMs: 2_000 });
    const hung = pool.run({ do: 'hang' });
    await expect(hung).rejects.toMatchObject({ reason: 'late', message: 'test: not done within 2 s' });
    expect(await double(2)).toBe(4);
    expect(ends).toEqual([]);
  });

  it('a thread that hangs is replaced, and what it did is answered with an error', async () => {
    start({ deadlineMs: 1_500 });
    await expect(pool.run({ do: 'loop' })).rejects.toMatchObject({ reason: 'late' });
    await expect.poll(() => ends, { timeout: 10_000 }).toEqual(['it hung']);
    expect(await double(2)).toBe(4);
  });

  it.each([
    ['fall', /^it ended with code 3$/],
    ['allocate', /memory/],
  ] as const)('a thread that falls (%s) is replaced; the work that waited is done', async (how, why) => {
    start({ memoryMb: 32 });
    await double(1);
    const [fallen, next] = await Promise.allSettled([pool.run({ do: how }), double(4)]);
    expect(fallen).toMatchObject({ status: 'rejected', reason: { reason: 'ended' } });
    expect(next).toEqual({ status: 'fulfilled', value: 8 });
    expect(ends).toEqual([expect.stringMatching(why)]);
  });

  it('a thread that cannot start is an error at once, and is not started over and over', async () => {
    start({ entry: new URL('./no-such-file.ts', import.meta.url) });
    const many = await Promise.allSettled([double(1), double(2), double(3)]);
    expect(many.map((one) => one.status === 'rejected' && one.reason.reason)).toEqual(['ended', 'ended', 'ended']);
    await expect(double(4)).rejects.toThrow(/its thread ended: .*no-such-file/);
    expect(ends).toHaveLength(1);
  });

  it('refuses what is above its queue', async () => {
    start({ queue: 2, deadlineMs: 1_000 });
    const all = [pool.run({ do: 'hang' }), double(1), double(2), double(3)];
    await expect(all[3]).rejects.toMatchObject({ reason: 'full', message: 'test: 2 pieces of work wait already' });
    await Promise.allSettled(all);
  });

  it('what is not done when it is closed is rejected', async () => {
    start();
    const all = [pool.run({ do: 'hang' }), double(1)];
    const settled = Promise.allSettled(all);
    await pool.close();
    expect((await settled).map((one) => one.status === 'rejected' && one.reason.reason)).toEqual(['closed', 'closed']);
    await expect(double(1)).rejects.toMatchObject({ reason: 'closed' });
  });
});

describe('a message for a thread', () => {
  async function* content(pieces: number, size: number) {
    for (let n = 0; n < pieces; n += 1) yield Buffer.alloc(size, 120);
  }
  it.each([
    [0, 0],
    [3, 1000],
    [5, 300_000],
    [64, 16_384],
  ])('crosses whole: %i times %i octets', async (pieces, size) => {
    start();
    const message = await openContent(content(pieces, size));
    expect(message.beginning.isWhole).toBe(pieces * size < 256 * 1024);
    expect(await pool.run({ do: 'count', ...message.beginning }, () => message.next())).toBe(pieces * size);
    await message.close();
  });

  it('is closed where nobody reads on', async () => {
    start();
    let isClosed = false;
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(100_000);
      } finally {
        isClosed = true;
      }
    }
    const message = await openContent(endless());
    await message.close();
    expect([isClosed, await message.next()]).toEqual([true, null]);
  });
});
