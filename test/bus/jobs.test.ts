/** Jobs of plugins: when they run, how often at once, in which process, and what becomes of failures. */
import { describe, expect, it } from 'vitest';
import { type Job, type JobRun, JobTable } from '../../src/bus/lent/jobs.ts';
import { StoreTurns } from '../../src/bus/lent/turns.ts';
import { loadPlugins } from '../../src/bus/load.ts';
import { counters } from '../../src/counters.ts';
import type { PluginStates } from '../../src/store/plugin-states.ts';
import { recordLog } from '../kit/log.ts';
import { memoryStates } from '../kit/states.ts';
import { faultsOf, loadOptions, plugin, pluginFolder } from './plugin-folder.ts';

const HOUR = 3_600_000;

/** A process: its table of jobs, which share a clock and a store with others. */
function house(shared: { now: number; states: PluginStates } = { now: 0, states: memoryStates() }) {
  const { log, lines } = recordLog();
  const clock = (): number => shared.now;
  const table = new JobTable({ log, clock });
  const job = (run: JobRun, more: Partial<Job> = {}): Job => ({
    plugin: 'p',
    name: 'sweep',
    interval: HOUR,
    at: null,
    deadline: 60_000,
    turns: null,
    run,
    ...more,
  });
  return {
    shared,
    table,
    lines,
    add: (run: JobRun, more: Partial<Job> = {}) => table.add(job(run, more)),
    addPerStore: (run: JobRun, more: Partial<Job> = {}) =>
      table.add(job(run, { turns: new StoreTurns(shared.states, clock, { plugin: 'p', job: 'sweep' }), ...more })),
    advance(ms: number): Promise<void> {
      shared.now += ms;
      return table.wake();
    },
  };
}

const failures = (): number =>
  counters.hookFailures.family.samples.find(({ labels }) => labels['hook'] === 'job sweep')?.value ?? 0;

describe('a job', () => {
  it('runs after each interval, once it has begun', async () => {
    const { table, add, advance } = house();
    let count = 0;
    add(() => (count += 1));
    await advance(2 * HOUR);
    expect(count).toBe(0);
    table.begin();
    await advance(HOUR - 1);
    expect(count).toBe(0);
    await advance(1);
    await advance(HOUR / 2);
    expect(count).toBe(1);
    await advance(10 * HOUR);
    expect(count).toBe(2);
    await table.close();
    await advance(10 * HOUR);
    expect(count).toBe(2);
  });

  it('at a time runs once then, and not at all where that is over', async () => {
    const { table, add, advance } = house({ now: 5 * HOUR, states: memoryStates() });
    const ran: string[] = [];
    add(() => ran.push('over'), { at: HOUR, interval: null, name: 'over' });
    add(() => ran.push('later'), { at: 6 * HOUR, interval: null, name: 'later' });
    table.begin();
    for (let i = 0; i < 3; i += 1) await advance(HOUR);
    expect(ran).toEqual(['later']);
    await table.close();
  });

  it('that throws or rejects is logged and counted, and runs again', async () => {
    const { table, add, advance, lines } = house();
    let count = 0;
    add(() => {
      count += 1;
      if (count === 1) throw new Error('broken');
      return Promise.reject(new Error('rejected'));
    });
    table.begin();
    const before = failures();
    await advance(HOUR);
    await advance(HOUR);
    expect(failures() - before).toBe(2);
    expect(lines.join('\n')).toMatch(/plugin p: job sweep failed: broken[\s\S]*plugin p: job sweep failed: rejected/);
    await table.close();
  });

  it('never runs twice at once; a turn at which it still runs is told', async () => {
    const { table, add, shared, lines } = house();
    let count = 0;
    let finish = (): void => {};
    add(() => {
      count += 1;
      return new Promise<void>((resolve) => {
        finish = resolve;
      });
    });
    table.begin();
    shared.now += HOUR;
    const first = table.wake();
    shared.now += HOUR;
    const second = table.wake();
    expect(count).toBe(1);
    expect(lines.at(-1)).toContain('plugin p: job sweep still runs, so its turn is left out');
    finish();
    await Promise.all([first, second]);
    shared.now += HOUR;
    const third = table.wake();
    expect(count).toBe(2);
    finish();
    await third;
    await table.close();
  });

  it('that takes longer than its deadline is told to end, and counted', async () => {
    const { table, add, advance, lines } = house();
    add(({ signal }) => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())), {
      deadline: 1,
    });
    table.begin();
    const before = failures();
    await advance(HOUR);
    expect(failures() - before).toBe(1);
    expect(lines.at(-1)).toContain('plugin p: job sweep did not end within 0.001 s');
    await table.close();
  });

  it('G14: is told to end when its plugin is closed, which waits for it', async () => {
    const { table, add, shared, lines } = house();
    const seen: string[] = [];
    add(async ({ signal }) => {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      seen.push('told');
      await new Promise((resolve) => setImmediate(resolve));
      seen.push('ended');
      throw signal.reason;
    });
    table.begin();
    shared.now += HOUR;
    void table.wake();
    await table.close();
    expect([seen, lines]).toEqual([['told', 'ended'], []]);
  });
});

describe('a job that runs once per store', () => {
  it('runs in one of several processes at each turn', async () => {
    const shared = { now: 10 * HOUR + 5, states: memoryStates() };
    const ran: string[] = [];
    const processes = ['a', 'b', 'c'].map((name) => {
      const one = house(shared);
      one.addPerStore(() => ran.push(name));
      one.table.begin();
      return one;
    });
    const all = (): Promise<unknown> => Promise.all(processes.map(({ table }) => table.wake()));
    await all();
    expect(ran).toHaveLength(1);
    for (let i = 0; i < 3; i += 1) {
      shared.now += HOUR;
      await all();
    }
    expect(ran).toHaveLength(4);
    // A start between two turns runs nothing, one after a missed turn does.
    const late = house(shared);
    late.addPerStore(() => ran.push('late'));
    late.table.begin();
    await late.table.wake();
    expect(ran).toHaveLength(4);
    for (const { table } of processes) await table.close();
    shared.now += 5 * HOUR;
    const next = house(shared);
    next.addPerStore(() => ran.push('next'));
    next.table.begin();
    await next.table.wake();
    expect(ran.at(-1)).toBe('next');
    await Promise.all([late.table.close(), next.table.close()]);
  });

  it('does not begin in another process while it runs, but does when that process is gone', async () => {
    const shared = { now: 0, states: memoryStates() };
    const clock = (): number => shared.now;
    const of = (): StoreTurns => new StoreTurns(shared.states, clock, { plugin: 'p', job: 'j' });
    const [first, second] = [of(), of()];
    expect(await first.claim(1)).toBe(true);
    expect(await second.claim(1)).toBe(false);
    shared.now += 50_000;
    expect(await first.keep()).toBe(true);
    shared.now += 50_000;
    expect(await second.claim(2)).toBe(false);
    await first.release();
    expect(await second.claim(2)).toBe(true);
    // The second one dies; after a minute the first one has the next turn, and the second one learns it.
    shared.now += 60_000;
    expect(await first.claim(3)).toBe(true);
    expect(await second.keep()).toBe(false);
    await second.release();
    expect(await first.keep()).toBe(true);
  });

  it('waits where the store cannot be reached', async () => {
    const shared = { now: 0, states: { ...memoryStates(), get: () => Promise.reject(new Error('away')) } };
    const { table, addPerStore, lines, advance } = house(shared);
    let count = 0;
    addPerStore(() => (count += 1));
    table.begin();
    await table.wake();
    expect([count, lines.at(-1)]).toEqual([
      0,
      expect.stringContaining('job sweep could not begin: away; tried again in 60 s'),
    ]);
    shared.states.get = async () => null as never;
    await advance(60_000);
    expect(count).toBe(1);
    await table.close();
  });
});

describe('the jobs that a plugin registers', () => {
  it('are checked, and shown', async () => {
    const run = '() => {}';
    const directory = pluginFolder({
      'plugins/a/index.ts': plugin(
        'a',
        `const jobs = server.jobs as any;
        jobs.every('soon', 'a', ${run}); jobs.every(0.5, 'b', ${run}); jobs.at('then', 'c', ${run}); jobs.every(5, '', ${run}); jobs.every(5, 'd');
        jobs.every(5, 'e', ${run}, { once: 'ever' }); jobs.every(5, 'f', ${run}, { deadline: 0 }); jobs.every(5, 'g', ${run}); jobs.every(5, 'g', ${run});`,
      ),
      'plugins/b/index.ts': plugin(
        'b',
        `server.jobs.every('1 h', 'sweep', ${run}, { once: 'per store' }); server.jobs.at(new Date(0), 'first', ${run}, { deadline: '10 min' });
        server.on('vrfy', () => { server.jobs.every(5, 'late', ${run}); return OK; });`,
        "onError: 'pass',",
      ),
    });
    expect(await faultsOf(['a'], directory)).toEqual([
      "plugin a: server.jobs.every(…, 'a') needs a time from 1 s to 366 days, such as '1 h'",
      "plugin a: server.jobs.every(…, 'b') needs a time from 1 s to 366 days, such as '1 h'",
      "plugin a: server.jobs.at(…, 'c') needs a Date, or milliseconds since 1970 UTC",
      "plugin a: server.jobs.every(…, '') needs a name of letters, digits, spaces, dots and hyphens",
      "plugin a: server.jobs.every(…, 'd') needs a function, got undefined",
      "plugin a: server.jobs.every(…, 'e') needs 'per process' or 'per store' as its once",
      "plugin a: server.jobs.every(…, 'f') needs a time of at least 1 s as its deadline, such as '10 min'",
      "plugin a: server.jobs.every(…, 'g'): there is a job of that name already",
    ]);
    const options = loadOptions(['b'], directory);
    const bus = await loadPlugins(options);
    expect(bus.plugins[0]?.jobs).toEqual(['sweep', 'first']);
    await bus.run('vrfy', { connection: {} as never, address: '' });
    expect(options.lines.join('\n')).toContain('server.jobs.every was called after register() had ended');
    await bus.close();
  });
});
