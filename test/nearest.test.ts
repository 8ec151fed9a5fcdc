import { describe, expect, test } from 'vitest';
import { editDistance, nearest } from '../src/nearest.ts';

describe('the nearest known name', () => {
  test.each([
    ['abc', 'abc', 0],
    ['abc', 'acb', 1],
    ['abc', 'ab', 1],
    ['abc', 'xabc', 1],
    ['abc', 'xbc', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('%s and %s are %i edits apart', (a, b, distance) => {
    expect(editDistance(a, b, 10)).toBe(distance);
    expect(editDistance(b, a, 10)).toBe(distance);
  });

  test('is found only within its limit', () => {
    const known = ['check_recipient_access', 'check_client_access', 'permit'];
    expect(nearest('heck_recipient_access', known)).toBe('check_recipient_access');
    expect(nearest('permti', known)).toBe('permit');
    expect(nearest('something_else', known)).toBeUndefined();
    expect(nearest('x'.repeat(10_000), known)).toBeUndefined();
  });
});
