import { expect, it } from 'vitest';
import { wholeLines } from './json-lines.ts';

it('an incomplete last line is not read', () => {
  expect(wholeLines('connect\ndisconnect ehlo=1 co')).toBe('connect\n');
  expect(wholeLines('connect\ndisconnect\n')).toBe('connect\ndisconnect\n');
  expect(wholeLines('conn')).toBe('');
});
