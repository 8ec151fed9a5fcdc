/** The main thread's end of a worker link. */
import { afterEach, describe, expect, it } from 'vitest';
import { LazyLink } from '../../src/store/backend/sqlite/front/lazy-link.ts';
import { Link } from '../../src/store/backend/sqlite/front/link.ts';
import { StoreFullError } from '../../src/store/store.ts';
import { quietLog } from '../kit/log.ts';

interface Echo {
  args: { readonly bytes?: Uint8Array };
  result: { readonly batch: number; readonly text: string; readonly length: number };
}
interface TestCalls {
  echo: Echo;
  keep: Echo;
  refuse: { args: null; result: null };
  die: { args: null; result: null };
  exit: { args: null; result: null };
}

const links: Link<TestCalls>[] = [];
const deaths: Error[] = [];

async function start(data: string, isEager = false): Promise<Link<TestCalls>> {
  const link = await Link.start<TestCalls>(new URL('./link-worker.ts', import.meta.url), data, {
    log: quietLog,
    isEager,
    onChanges: () => {},
    onDeath: (error) => deaths.push(error),
  });
  links.push(link);
  return link;
}

afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close(0)));
  deaths.length = 0;
});

describe('a link to a worker', () => {
  it('rejects with the error of the worker if it does not open', async () => {
    await expect(start('broken')).rejects.toThrow('it does not open');
  });

  it('sends the calls of one tick together, each with its own octets', async () => {
    const link = await start('');
    // Slices of one pool: it must not be transferred, and each call must get its own octets.
    const pool = Buffer.from('onetwothree');
    const answers = await Promise.all(
      [pool.subarray(0, 3), pool.subarray(3, 6), pool.subarray(6)].map((bytes) => link.call('echo', { bytes })),
    );
    expect(answers).toEqual(['one', 'two', 'three'].map((text) => ({ batch: 3, text, length: text.length })));
    expect(pool.toString()).toBe('onetwothree');
  });

  it('sends the first one at once if it is eager, and those that come while it waits together', async () => {
    const link = await start('', true);
    const call = (text: string): Promise<Echo['result']> => link.call('echo', { bytes: Buffer.from(text) });
    const answers = await Promise.all([call('one'), call('two'), call('three')]);
    expect(answers.map(({ batch, text }) => `${text} ${batch}`)).toEqual(['one 1', 'two 2', 'three 2']);
    expect(await call('four')).toMatchObject({ batch: 1, text: 'four' });
  });

  it('rejects a call whose arguments cannot be cloned, but no other of the same tick', async () => {
    const link = await start('');
    const bytes = Buffer.from('text');
    const wrong = { bytes, method: () => {} };
    const [before, refused, after] = await Promise.allSettled([
      link.call('echo', { bytes }),
      link.call('echo', wrong),
      link.call('echo', { bytes }),
    ]);
    expect(refused.status).toBe('rejected');
    expect([before, after]).toMatchObject([{ value: { text: 'text' } }, { value: { text: 'text' } }]);
  });

  it('restores the type of errors', async () => {
    const link = await start('');
    await expect(link.call('refuse', null)).rejects.toBeInstanceOf(StoreFullError);
  });

  it.each(['die', 'exit'] as const)(
    'rejects all pending calls when the worker ends by itself (%s), and reports that once',
    async (how) => {
      const link = await start('');
      const waiting = [link.call('keep', {}), link.call(how, null)];
      for (const { status } of await Promise.allSettled(waiting)) expect(status).toBe('rejected');
      await expect(link.call('echo', {})).rejects.toThrow('the store has stopped');
      expect(deaths).toHaveLength(1);
    },
  );

  it('does not report an intended end', async () => {
    const link = await start('');
    const waiting = expect(link.call('keep', {})).rejects.toThrow('closed');
    await link.close(0);
    await waiting;
    expect(deaths).toEqual([]);
  });

  it('P20: refuses calls beyond a memory limit, and continues when there is room', async () => {
    const link = await start('');
    // 16 MiB each, all the same memory here: sixteen may wait; the worker gets a few at a time.
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'x');
    const answers = await Promise.allSettled(Array.from({ length: 18 }, () => link.call('echo', { bytes })));
    expect(answers.map(({ status }) => status)).toEqual([...Array(16).fill('fulfilled'), 'rejected', 'rejected']);
    expect(answers.at(-1)).toMatchObject({ reason: expect.any(StoreFullError) });
    expect(answers.every((answer) => answer.status === 'rejected' || answer.value.batch <= 3)).toBe(true);
    expect(await link.call('echo', { bytes })).toMatchObject({ length: bytes.length });
  });
});

describe('a lazy link', () => {
  it('starts its worker at the first call, and another one after that has died', async () => {
    let starts = 0;
    const lazy = new LazyLink<TestCalls>((forget) => {
      starts += 1;
      return Link.start(new URL('./link-worker.ts', import.meta.url), '', {
        log: quietLog,
        onChanges: () => {},
        onDeath: forget,
      });
    }, 60_000);
    expect(starts).toBe(0);
    await Promise.all([lazy.call('echo', {}), lazy.call('echo', {})]);
    expect(starts).toBe(1);
    await expect(lazy.call('die', null)).rejects.toThrow();
    expect(await lazy.call('echo', {})).toMatchObject({ length: 0 });
    expect(starts).toBe(2);
    await lazy.close();
    await expect(lazy.call('echo', {})).rejects.toThrow('closed');
    expect(starts).toBe(2);
  });

  it('tries again at the next call if its worker did not start', async () => {
    let starts = 0;
    const lazy = new LazyLink<TestCalls>((forget) => {
      starts += 1;
      const data = starts === 1 ? 'broken' : '';
      return Link.start(new URL('./link-worker.ts', import.meta.url), data, {
        log: quietLog,
        onChanges: () => {},
        onDeath: forget,
      });
    }, 60_000);
    await expect(lazy.call('echo', {})).rejects.toThrow('does not open');
    expect(await lazy.call('echo', {})).toMatchObject({ length: 0 });
    await lazy.close();
  });
});
