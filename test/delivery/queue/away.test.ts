/** The queue while the store cannot be reached: nothing is lost, done twice or bounced, and nothing is logged for each. */
import { describe, expect, it } from 'vitest';
import { unanimous } from '../../../src/delivery/outcome.ts';
import { reply } from '../../../src/mail/status.ts';
import { StoreUnavailableError } from '../../../src/store/store.ts';
import { type Bench, bench, finishAll, turns } from './runner-bench.ts';

const away = (): Error => new StoreUnavailableError('the database cannot be reached');
/** Those that are not about the course of mail. */
const complaints = ({ log }: Bench): string[] => log.filter((line) => !line.startsWith('info: '));

/** Time goes by, and the store stays away. */
async function wait(at: Bench): Promise<void> {
  for (let i = 0; i < 10; i += 1) {
    at.elapse();
    await turns();
  }
}

describe('while the store is away', () => {
  it('the result of a delivery is kept until it can be written: the message is not sent again', async () => {
    const at = bench({});
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    at.queue.away = true;
    at.running[0]?.finish();
    await turns();
    await wait(at);
    expect([at.queue.items.size, at.running.length, at.runner.active]).toEqual([1, 0, 1]);
    at.queue.away = false;
    await wait(at);
    expect(at.queue.settled.map(({ outcome }) => outcome)).toEqual(['done']);
    expect([at.queue.items.size, at.peak, at.runner.active]).toEqual([0, 1, 0]);
    expect(complaints(at)).toEqual([]);
  });

  it('so is that it has to be tried later', async () => {
    const at = bench({});
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    at.queue.away = true;
    const [one] = at.running;
    one?.finish(unanimous(one.items, 'deferred', reply(450, '4.2.0', 'later'), 'x'));
    await wait(at);
    at.queue.away = false;
    await wait(at);
    expect(at.queue.settled).toMatchObject([{ outcome: 'deferred', reply: { text: 'later' } }]);
    expect(complaints(at)).toEqual([]);
  });

  it('a delivery that needs the store is no attempt: it begins again, and does not bounce however old it is', async () => {
    const at = bench({});
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    at.now += 100 * 86_400_000;
    at.queue.away = true;
    at.running[0]?.fail(away());
    await wait(at);
    at.queue.away = false;
    await wait(at);
    expect(at.queue.settled).toMatchObject([{ outcome: 'released' }]);
    expect(at.running).toHaveLength(1);
    await finishAll(at);
    expect(complaints(at)).toEqual([]);
  });

  it('nothing is begun, not even what was claimed before: other processes may have it by then', async () => {
    const at = bench({ initial_destination_concurrency: '1', default_destination_concurrency_limit: '1' });
    at.queue.add(3, () => ({}));
    at.runner.start();
    await turns();
    expect(at.running).toHaveLength(1);
    at.queue.away = true;
    at.running[0]?.fail(away());
    await wait(at);
    at.runner.wake();
    await turns();
    expect(at.running).toHaveLength(0);
    at.queue.away = false;
    await wait(at);
    expect(at.queue.settled.map(({ outcome }) => outcome)).toEqual(['released', 'released', 'released']);
    await finishAll(at);
    expect([at.queue.items.size, at.runner.active]).toEqual([0, 0]);
  });

  it('a queue that cannot be read is read again after a pause, without a line in the log', async () => {
    const at = bench({});
    at.queue.away = true;
    at.queue.add(1, () => ({}));
    at.runner.start();
    await turns();
    at.runner.wake();
    await turns();
    expect([at.queue.claims, at.timers]).toEqual([1, [5000]]);
    at.queue.away = false;
    at.elapse();
    await turns();
    expect(at.running).toHaveLength(1);
    await finishAll(at);
    expect(complaints(at)).toEqual([]);
  });

  it('an item whose route needs the store is given back', async () => {
    let isAway = true;
    const at = bench({}, () => (isAway ? Promise.reject(away()) : Promise.resolve()));
    at.queue.add(2, () => ({}));
    at.runner.start();
    await turns();
    expect(at.queue.settled.map(({ outcome }) => outcome)).toEqual(['released', 'released']);
    isAway = false;
    await wait(at);
    await finishAll(at);
    expect([at.queue.items.size, at.runner.active]).toEqual([0, 0]);
    expect(complaints(at)).toEqual([]);
  });

  it('a close does not wait for it beyond the deadline', async () => {
    const at = bench({});
    at.queue.add(2, () => ({}));
    at.runner.start();
    await turns();
    at.queue.away = true;
    at.running[0]?.finish();
    at.running[0]?.fail(away());
    await turns();
    await at.runner.close(7);
    expect(complaints(at)).toContain('error: Q1: not settled, its lease will expire: the database cannot be reached');
  });
});
