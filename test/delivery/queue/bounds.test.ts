/** The limits of the queue runner, and its behavior when a part of it fails. */

import { describe, expect, it } from 'vitest';
import { bench, finishAll, turns } from './runner-bench.ts';

const MINUTE = 60_000;

describe('bounds', () => {
  it('P15: never runs more deliveries than default_process_limit, nor than the window of a destination', async () => {
    const at = bench({
      default_process_limit: '7',
      initial_destination_concurrency: '2',
      default_destination_concurrency_limit: '3',
    });
    at.queue.add(60, (i) => ({ destination: `d${i % 6}.com` }));
    at.runner.start();
    await turns();
    expect(at.running).toHaveLength(7);
    const each = new Map<string, number>();
    for (const one of at.running)
      each.set(one.items[0]?.destination ?? '', (each.get(one.items[0]?.destination ?? '') ?? 0) + 1);
    expect(Math.max(...each.values())).toBeLessThanOrEqual(2);
    await finishAll(at);
    expect([at.queue.items.size, at.peak]).toEqual([0, 7]);
  });

  it('P15: groups recipients of one message and destination, at most fifty', async () => {
    const at = bench({ initial_destination_concurrency: '20' });
    at.queue.add(120, () => ({ queueId: 'SAME' }));
    at.runner.start();
    await turns();
    expect(at.running.map((one) => one.items.length)).toEqual([50, 50, 20]);
    await finishAll(at);
  });

  it('P15: destinations take turns: a long queue for one does not keep the last one from starting', async () => {
    const at = bench({ default_process_limit: '2', initial_destination_concurrency: '5' });
    at.queue.add(15, () => ({ destination: 'first.com' }));
    at.queue.add(1, () => ({ destination: 'last.com' }));
    at.runner.start();
    await turns();
    at.running[0]?.finish();
    await turns();
    expect(at.running.map((one) => one.items[0]?.destination)).toContain('last.com');
    await finishAll(at);
  });

  it('P20: a huge queue for one destination neither fills memory nor delays others, and nothing busy-loops', async () => {
    const at = bench({ qmgr_message_active_limit: '2000', initial_destination_concurrency: '2' });
    at.queue.add(5000, () => ({ destination: 'slow.com' }));
    at.queue.add(3, () => ({ destination: 'fast.com' }));
    at.runner.start();
    await turns(50);
    expect(at.runner.active).toBeLessThanOrEqual(2000);
    expect(at.running.some((one) => one.items[0]?.destination === 'fast.com')).toBe(true);
    const { claims } = at.queue;
    await turns(50);
    expect(at.queue.claims).toBe(claims);
    await at.runner.close(7);
    expect([...at.queue.items.values()].every((row) => row.leasedUntil === 0)).toBe(true);
  });

  it('a queue that cannot be read is read again after a pause, not at once', async () => {
    const at = bench({});
    at.queue.fail = true;
    at.runner.start();
    await turns();
    expect([at.queue.claims, at.timers]).toEqual([1, [5000]]);
    at.queue.fail = false;
    at.queue.add(1, () => ({}));
    at.runner.wake();
    await turns();
    await finishAll(at);
    expect(at.queue.items.size).toBe(0);
  });

  it('if a full disk keeps the store from releasing leases at startup, it is retried, and then mail is delivered', async () => {
    const at = bench({});
    const { recover } = at.queue;
    at.queue.recover = () => Promise.reject(new Error('the disk is full'));
    at.queue.add(1, () => ({}));
    await at.queue.claim({ now: 0, limit: 1, leaseMs: 1_000_000, exclude: [] });
    at.runner.start();
    await turns();
    expect([at.running.length, at.timers]).toEqual([0, [5000]]);
    at.queue.recover = recover;
    at.runner.wake();
    await turns();
    expect(at.running).toHaveLength(1);
    await finishAll(at);
  });

  it('closing aborts deliveries after the deadline and releases every lease', async () => {
    const at = bench({ initial_destination_concurrency: '2' });
    at.queue.add(10, () => ({}));
    at.runner.start();
    await turns();
    expect(at.running).toHaveLength(2);
    await at.runner.close(7);
    expect(at.queue.settled.map(({ outcome }) => outcome)).toEqual(Array(10).fill('released'));
    expect(at.runner.active).toBe(0);
  });

  it.each(['claimed', 'routed'])(
    'P13: an item being %s when the runner closes is released before close resolves, and its delivery never starts',
    async (when) => {
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      const at = bench({}, when === 'routed' ? () => gate : undefined);
      at.queue.add(3, () => ({}));
      const claim = at.queue.claim.bind(at.queue);
      if (when === 'claimed') at.queue.claim = (options) => gate.then(() => claim(options));
      at.runner.start();
      await turns();
      const closed = at.runner.close(7).then(() => at.queue.settled.length);
      await turns();
      open();
      expect(await closed).toBe(3);
      await turns();
      expect([at.running.length, at.runner.active, at.queue.settled.map(({ outcome }) => outcome)]).toEqual([
        0,
        0,
        Array(3).fill('released'),
      ]);
    },
  );

  it('P14: items that become due during a scan of the queue do not wait for the next one', async () => {
    const at = bench({ queue_run_delay: '300s' });
    at.queue.add(1, () => ({ dueAt: 1003 }));
    at.queue.nextDue = async () => {
      at.now = 1005;
      return 1003;
    };
    at.runner.start();
    await turns();
    expect(at.timers.at(-1)).toBe(1);
  });

  it('items left leased by a crash are claimed at startup, and an expired lease can be claimed by anyone', async () => {
    const at = bench({});
    at.queue.add(2, () => ({}));
    await at.queue.claim({ now: 0, limit: 2, leaseMs: 1_000_000, exclude: [] });
    at.runner.start();
    await turns();
    expect(at.running).toHaveLength(2);
    const other = await at.queue.claim({ now: 1000 + 76 * MINUTE, limit: 9, leaseMs: 1, exclude: [] });
    expect(other).toHaveLength(2);
  });

  it('a success that cannot be settled at first is settled later, not delivered again', async () => {
    const at = bench({});
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    const settle = at.queue.settle.bind(at.queue);
    at.queue.settle = () => {
      at.queue.settle = settle;
      return Promise.reject(new Error('busy'));
    };
    at.running[0]?.finish();
    await turns();
    expect(at.queue.settled.map(({ outcome }) => outcome)).toEqual(['done']);
    expect(at.queue.items.size).toBe(0);
  });

  it('a delivery that throws defers its items; if settling fails too, they stay leased', async () => {
    const at = bench({});
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    at.running[0]?.fail();
    await turns();
    expect(at.queue.settled).toMatchObject([{ outcome: 'deferred', dueAt: 301_000, reply: { enhanced: '4.3.0' } }]);
    at.queue.settle = () => Promise.reject(new Error('the disk is gone'));
    at.queue.add(1, () => ({}));
    at.runner.wake();
    await turns();
    at.running.at(-1)?.finish();
    await turns();
    expect([...at.queue.items.values()].map((row) => row.leasedUntil > at.now)).toEqual([false, true]);
  });
});
