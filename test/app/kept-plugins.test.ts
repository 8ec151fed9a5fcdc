/** How long sessions keep the plugins that they began with. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KeptPlugins } from '../../src/app/kept-plugins.ts';
import { Bus } from '../../src/bus/bus.ts';
import type { Hooks } from '../../src/bus/hook.ts';
import { HookSwitch } from '../../src/bus/switch.ts';
import { recordLog } from '../kit/log.ts';

const { log } = recordLog();
const closed: string[] = [];
const asked: string[] = [];
beforeEach(() => {
  vi.useFakeTimers();
  closed.length = 0;
});
afterEach(() => vi.useRealTimers());

function busNamed(name: string): Bus {
  const bus = new Bus({ log, clock: () => 0 });
  const place = bus.add(name);
  place.on('log', () => void asked.push(name) as never);
  place.onClose(() => void closed.push(name));
  return bus;
}

/** Which plugins a session calls. */
async function calledBy(hooks: Hooks): Promise<string> {
  asked.length = 0;
  await hooks.run('log', { level: 'info', fields: {}, message: '' } as never);
  return asked.join(' ');
}

function reloads(count: number): {
  readonly sessions: readonly Hooks[];
  readonly buses: readonly Bus[];
  plugins: KeptPlugins;
} {
  const buses = Array.from({ length: count + 1 }, (_, i) => busNamed(`v${i}`));
  const current = new HookSwitch(buses[0] as Bus);
  const plugins = new KeptPlugins(current);
  const sessions = buses.map((bus, i) => {
    const hooks = plugins.hooksOf(bus);
    current.become(bus);
    if (i > 0) plugins.keep(buses[i - 1] as Bus);
    return hooks;
  });
  return { sessions, buses, plugins };
}

it('G15: sessions of the eight last replaced generations keep their plugins, older ones call the current plugins', async () => {
  const { sessions } = reloads(9);
  await vi.advanceTimersByTimeAsync(0);
  expect(closed).toEqual(['v0']);
  expect(await Promise.all([sessions[0] as Hooks].map(calledBy))).toEqual(['v9']);
  for (const [i, hooks] of sessions.entries()) if (i > 0) expect(await calledBy(hooks)).toBe(`v${i}`);
});

it('G15: after an hour the sessions of a replaced generation call the current plugins', async () => {
  const { sessions } = reloads(1);
  await vi.advanceTimersByTimeAsync(3_599_000);
  expect(await calledBy(sessions[0] as Hooks)).toBe('v0');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await calledBy(sessions[0] as Hooks)).toBe('v1');
  expect(closed).toEqual(['v0']);
});

it('a generation whose sessions are over leaves its place to others', async () => {
  const { sessions, buses, plugins } = reloads(8);
  plugins.forget(buses[3] as Bus);
  plugins.keep(buses[8] as Bus);
  expect(closed).toEqual([]);
  expect(await calledBy(sessions[0] as Hooks)).toBe('v0');
});
