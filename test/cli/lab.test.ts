/** What `posthorn lab` prints at its end. */
import { expect, it } from 'vitest';
import { pointTable } from '../../src/cli/lab.ts';

const RESULTS = [
  {
    id: 'L1',
    title: 'two companies',
    did: 'every user logs in to each company by IMAP',
    seen: 'six users, two servers',
    ok: true,
    ms: 1,
  },
  {
    id: 'L3',
    title: 'letters',
    did: `each writes to ${'everybody '.repeat(8)}there`,
    seen: 'nothing came',
    ok: false,
    ms: 1,
  },
];

it('the points are a table if it fits, and one paragraph each in a narrow terminal', () => {
  expect(pointTable(RESULTS, Number.POSITIVE_INFINITY)).toMatch(
    /^point +what +done +seen\n-+[\s-]+\nL1 +two companies .* ok\nL3 +letters .* FAILED$/,
  );
  const narrow = pointTable(RESULTS, 80);
  expect(narrow).toMatch(
    /^L1 {2}two companies: ok\n {4}done: every user .*\n {4}seen: six users, two servers\nL3 {2}letters: FAILED\n {4}done: .*\n {10}everybody/,
  );
  expect(Math.max(...narrow.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});
