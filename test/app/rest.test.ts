/** When the main thread returns memory. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { restWhenQuiet } from '../../src/app/rest.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** How often it did so at each of the loads. */
function rests(loads: readonly number[]): number[] {
  let load = 0;
  let done = 0;
  const stop = restWhenQuiet(
    () => load,
    () => {
      done += 1;
    },
  );
  const found = loads.map((next) => {
    load = next;
    const before = done;
    vi.advanceTimersByTime(1_500);
    return done - before;
  });
  stop();
  vi.advanceTimersByTime(10_000);
  return found;
}

it('memory is returned once after the start and once after each load, when the process is idle', () => {
  expect(rests([0.5, 0.01, 0, 0.9, 0.8, 0.01, 0])).toEqual([0, 1, 0, 0, 0, 1, 0]);
});

it('not while there is work, and not after a little work', () => {
  expect(rests([0.9, 0.1, 0.05, 0.9])).toEqual([0, 0, 0, 0]);
  expect(rests([0, 0.1, 0, 0.15, 0])).toEqual([1, 0, 0, 0, 0]);
});
