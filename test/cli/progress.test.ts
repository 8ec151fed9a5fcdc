/** How far long work is, in one line. */
import { describe, expect, it } from 'vitest';
import { duration, progressLine } from '../../src/cli/progress.ts';

describe('progress', () => {
  it('shows a bar, counts, rates and the time left', () => {
    expect(progressLine('pass 1', 'messages', { done: 5000, of: 20_000, octets: 40e6 }, 1000)).toBe(
      'pass 1 [###-------]  25 %  5000/20000 messages, 5000/s, 40.0 MB/s, 3.0 s left',
    );
  });

  it('has no bar as long as nothing is known, and no time left before the first', () => {
    expect(progressLine('pass 1', 'messages', { done: 0, of: 0, octets: 0 }, 100)).toBe('pass 1');
    expect(progressLine('pass 1', 'messages', { done: 0, of: 9, octets: 0 }, 100)).toMatch(
      /0\/9 messages, 0\/s, 0\.0 MB\/s$/,
    );
  });

  it('says durations in two words', () => {
    expect([0.31, 42.4, 180, 4800].map(duration)).toEqual(['0.3 s', '42 s', '3 min', '80 min']);
    expect(duration(8000)).toBe('2 h 13 min');
  });
});
