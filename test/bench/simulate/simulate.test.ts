/** The arithmetic of the simulation, with costs that are easy to multiply. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Assumed, assumed } from './assumptions.ts';
import { FIGURES, type FigureName, type Measured, TRAFFIC, type Traffic, type TrafficName } from './figures.ts';
import { defaultInputs, type Inputs, readInputs } from './inputs.ts';
import { firstAbove, whatBreaks } from './limits.ts';
import { mailboxCost } from './mailbox.ts';
import { type Result, simulate } from './model.ts';
import { drawPopulation } from './population.ts';
import { report, short } from './report.ts';

const DAY = 86_400;

/** Nothing happens, and messages are all alike. */
const QUIET: Inputs = {
  ...defaultInputs(),
  accounts: DAY,
  active: 1,
  in: 0,
  out: 0,
  'size-median': 4096,
  'size-sigma': 0,
  'kept-median': 1000,
  'kept-sigma': 0,
  inbox: 1,
  idle: 0,
  sessions: 0,
  pop3: 0,
  listed: 0,
  searches: 0,
  peak: 1,
};

const NOTHING: Traffic = {
  commands: 0,
  found: 0,
  written: 0,
  sent: 0,
  received: 0,
  primaryReads: 0,
  primaryWrites: 0,
};

function costs(
  figures: Partial<Record<FigureName, number>> = {},
  traffic: Partial<Record<TrafficName, Partial<Traffic>>> = {},
): Measured {
  return {
    server: 'none',
    machine: 'none',
    figures: {
      ...(Object.fromEntries(Object.keys(FIGURES).map((name) => [name, 0])) as Record<FigureName, number>),
      ...figures,
    },
    traffic: Object.fromEntries(
      Object.keys(TRAFFIC).map((name) => [name, { ...NOTHING, ...traffic[name as TrafficName] }]),
    ) as Record<TrafficName, Traffic>,
  };
}

const run = (inputs: Partial<Inputs>, measured: Measured = costs(), assumptions: Partial<Assumed> = {}): Result => {
  const all = { ...QUIET, ...inputs };
  return simulate(all, drawPopulation(all), measured, { ...assumed(), ...assumptions });
};

describe('the work of the busiest hour', () => {
  it('is what a day has, spread over its seconds', () =>
    expect(run({ in: 1, out: 2 }).workload).toMatchObject({ delivery: 3, changes: 3 + 1.2 + 1.5 }));
  it('is higher by the peak factor', () => expect(run({ in: 1, peak: 3 }).workload.delivery).toBe(3));
  it('has what goes to others, and what is tried twice', () =>
    expect(run({ out: 1, recipients: 2, local: 0.5, deferred: 0.5 }).workload.relay).toBe(1.5));
  it('has the polls of POP3 among the logins, and the rows that they read', () => {
    const { session, rows } = run({ sessions: 2, pop3: 1, 'pop3-minutes': 144 }).workload;
    expect(session).toBe(12);
    expect(rows).toBe(12_000);
  });
  it('asks for open mailboxes each 10 s, and without change streams 25 times as often', () => {
    expect(run({ idle: 1 }).workload.polled).toBe(DAY / 10);
    expect(run({ idle: 1, streams: 0 }).workload.polled).toBe(DAY / 0.4);
  });
});

describe('front processes', () => {
  it('are as many as the work needs, with room left', () => {
    const { fronts } = run({ in: 1000 }, costs({ 'cpu.delivery': 6 }), { utilization: 0.5 });
    expect(fronts.cores).toBeCloseTo(6);
    expect(fronts.processes).toBe(12);
  });
  it('pay for the octets beyond those that were measured', () =>
    expect(run({ in: 1, 'size-median': 4096 + 1024 }, costs({ 'cpu.kilobyte': 1000 })).fronts.cores).toBeCloseTo(1));
  it('each need what hearing of the others takes', () => {
    const measured = costs({ 'cpu.delivery': 6, 'cpu.foreign': 0.25 });
    const { fronts } = run({ in: 1000, flagged: 0, removed: 0 }, measured, { utilization: 0.5 });
    expect(fronts.hearing).toBeCloseTo(0.25);
    expect(fronts.processes).toBe(24);
  });
  it('do not suffice where hearing takes all that a process has', () => {
    const { fronts } = run({ in: 1000 }, costs({ 'cpu.foreign': 1 }));
    expect(fronts.processes).toBe(Number.POSITIVE_INFINITY);
  });
  it('do not hear of others without change streams', () =>
    expect(run({ in: 1000, streams: 0 }, costs({ 'cpu.foreign': 1 })).fronts.hearing).toBe(0));
});

describe('what is kept', () => {
  it('is the messages of all accounts, their documents and their indexes', () => {
    const measured = costs({ 'octets.content': 900, 'octets.row': 100 });
    const { storage } = run({}, measured, { bodies: 0.5, rows: 0.1, entry: 0, prefix: 1 });
    expect(storage.messages).toBe(DAY * 1000);
    expect(storage.perMessage).toBeCloseTo(2048 + 100 + (42 + 41 + 16 + 8 + 16 + 8));
  });
  it('should be in memory as a whole, unless the rows of a mailbox lie side by side', () => {
    const hot = (clustered: number): Result['storage']['hot'] =>
      run({ clustered, active: 0.5, inbox: 0.5 }, costs({ 'octets.row': 100 })).storage.hot;
    expect(hot(0).rows).toBe(DAY * 1000 * 100);
    expect(hot(1).rows).toBe(DAY * 1000 * 25);
    expect(hot(1).indexes).toBeLessThan(hot(0).indexes);
  });
  it('needs shards by disk, for the fullest one', () => {
    const { shards, storage } = run({ 'shard-disk': 50 }, costs(), { full: 1 });
    expect(shards.needs.disk).toBe(Math.ceil((storage.total / 50e9) * shards.skew));
    expect(shards.machines).toBe(3 * shards.count);
  });
  it('needs shards by processors, for reads by id, reads of ranges, and writes', () => {
    const traffic = { delivery: { found: 1, written: 2 } };
    const { shards } = run({ in: 1000, 'shard-cores': 1, 'shard-disk': 1e9, 'shard-memory': 1e9 }, costs({}, traffic), {
      readsPerCore: 1000,
      writesPerCore: 1000,
      utilization: 0.5,
    });
    expect(shards.needs.processors).toBeGreaterThanOrEqual(6);
    expect(shards.needs.processors).toBeLessThanOrEqual(7);
  });
});

describe('a SELECT', () => {
  it('costs by the messages of the mailbox', () => {
    const measured = costs({ 'cpu.session': 2, 'cpu.row': 0.01, 'octets.row': 100 }, { rows: { received: 200 } });
    const a = { ...assumed(), page: 10_000, rows: 0.5 };
    expect(mailboxCost(1000, QUIET, measured, a)).toEqual({
      messages: 1000,
      processor: 12,
      octets: 200_000,
      pages: 1000,
      kept: 150,
    });
    expect(mailboxCost(1000, { ...QUIET, clustered: 1 }, measured, a).pages).toBe(5);
  });
});

describe('accounts drawn at random', () => {
  const inputs = defaultInputs();
  it('are the same for the same seed, and others for another', () => {
    const mean = (seed: number): number => drawPopulation({ ...inputs, seed }).kept.mean;
    expect(mean(1)).toBe(mean(1));
    expect(mean(1)).not.toBe(mean(2));
  });
  it('have the mean of the distribution', () => {
    const { kept } = drawPopulation({ ...inputs, 'kept-median': 1000, 'kept-sigma': 1 });
    expect(kept.mean / (1000 * Math.exp(0.5))).toBeCloseTo(1, 1);
  });
  it('are more even over shards the more they are', () => {
    const skew = (accounts: number): number => drawPopulation({ ...inputs, accounts }).skew(10, accounts);
    expect(skew(1000)).toBeGreaterThan(skew(100_000));
    expect(skew(100_000)).toBeGreaterThan(skew(10_000_000));
    expect(skew(10_000_000)).toBeGreaterThan(1);
  });
});

describe('what breaks', () => {
  it('is found where a growing load becomes 1', () => {
    expect(firstAbove((accounts) => accounts / 5e6) / 5e6).toBeCloseTo(1, 1);
    expect(firstAbove(() => 0)).toBe(Number.POSITIVE_INFINITY);
  });
  it('comes in order, and later with cheaper work', () => {
    const breaks = (foreign: number): ReturnType<typeof whatBreaks> => {
      const inputs = { ...QUIET, in: 10, idle: 0.1 };
      return whatBreaks(
        inputs,
        drawPopulation(inputs),
        costs({ 'cpu.delivery': 1, 'cpu.foreign': foreign }),
        assumed(),
      );
    };
    const accounts = breaks(1).map((one) => one.accounts);
    expect(accounts).toEqual([...accounts].sort((a, b) => a - b));
    const streams = (foreign: number): number =>
      breaks(foreign).find(({ what }) => what === 'change streams: processors')?.accounts ?? 0;
    expect(streams(0.1) / streams(1)).toBeCloseTo(10, 0);
  });
});

describe('the measured costs in the repository', () => {
  const measured = JSON.parse(readFileSync(new URL('./measured.json', import.meta.url), 'utf8')) as Measured;
  it('are complete', () => {
    expect(Object.keys(measured.figures).sort()).toEqual(Object.keys(FIGURES).sort());
    expect(Object.keys(measured.traffic).sort()).toEqual(Object.keys(TRAFFIC).sort());
  });
  it('give a report', () => {
    const inputs = defaultInputs();
    const population = drawPopulation(inputs);
    const breaking = whatBreaks(inputs, population, measured, assumed());
    const text = report(simulate(inputs, population, measured, assumed()), breaking, measured, assumed());
    expect(text).toMatch(/^shards +\d+ /m);
    expect(text).not.toContain('NaN');
  });
});

describe('options', () => {
  it('that are no numbers are refused by name', () =>
    expect(() => readInputs({ accounts: 'many' })).toThrow('--accounts: expected a number of at least 0, not many'));
  it('that are given replace the defaults', () => expect(readInputs({ accounts: '5' }).accounts).toBe(5));
});

describe('numbers', () => {
  it.each([
    [0.0123, '0.0123'],
    [999, '999'],
    [1234, '1234'],
    [123_456, '123 k'],
    [1.5e6, '1.5 M'],
    [2e13, '20 T'],
    [Number.POSITIVE_INFINITY, 'never'],
  ])('%d is %s', (value, text) => expect(short(value)).toBe(text));
});
