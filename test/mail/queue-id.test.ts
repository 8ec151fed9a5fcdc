import { describe, expect, it } from 'vitest';
import { createQueueIds, QUEUE_ID_MAKERS } from '../../src/mail/queue-id.ts';

describe('queue IDs', () => {
  it('are never repeated and sort by time, even if the clock stands still or goes back', () => {
    let now = 1_700_000_000_000;
    const next = createQueueIds(() => now, 7);
    const ids: string[] = [];
    for (let i = 0; i < 5000; i += 1) {
      if (i === 1000) now += 86_400_000;
      if (i === 2000) now -= 3_600_000;
      ids.push(next());
    }
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
  });

  it('have the long format of Postfix: no vowels, one z before the maker', () => {
    const id = createQueueIds(() => 1_700_000_000_000, QUEUE_ID_MAKERS - 1)();
    expect(id).toMatch(/^[0-9BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz]{10}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{5}$/);
  });

  it('of two makers at the same moment differ', () => {
    expect(createQueueIds(() => 1, 1)()).not.toBe(createQueueIds(() => 1, 2)());
  });
});
