import { expect, test } from 'vitest';
import { GrowingPause } from '../../src/supervisor/pauses.ts';

test('a process that ends soon is started again after a pause that doubles up to a minute', () => {
  const pause = new GrowingPause();
  expect(Array.from({ length: 8 }, () => pause.after(100) / 1000)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
});

test('the pause is short again after a process that has lived for a minute', () => {
  const pause = new GrowingPause();
  for (let i = 0; i < 5; i += 1) pause.after(100);
  expect([pause.after(60_000), pause.after(100)]).toEqual([1_000, 2_000]);
});
