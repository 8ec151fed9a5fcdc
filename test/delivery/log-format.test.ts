/** Delays in the log, as Postfix prints them. */
import { expect, it } from 'vitest';
import { formatDelays } from '../../src/delivery/log-format.ts';

it.each([
  [2, [0, 4, 12, 1234], 'delay=1.3, delays=0/0.01/0.01/1.2'],
  [2, [123, 0, 9_960, 123_456], 'delay=134, delays=0.12/0/10/123'],
  [0, [4, 400, 600, 1_500], 'delay=3, delays=1/1/1/2'],
  [4, [4, 12, 123, 1234], 'delay=1.4, delays=0.004/0.012/0.12/1.2'],
] as const)('P19: delay_logging_resolution_limit = %i', (digits, stages, expected) => {
  expect(formatDelays(stages, digits)).toBe(expected);
});
