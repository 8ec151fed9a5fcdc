/** When a message is tried again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff, decideRetry, type RetryPolicy } from '../../../src/delivery/queue/retry.ts';

const policy: RetryPolicy = {
  minimalBackoff: 300_000,
  maximalBackoff: 4_000_000,
  queueLifetime: 432_000_000,
  bounceLifetime: 86_400_000,
  delayWarnings: [],
  softBounce: false,
};
const item = { arrivedAt: 0, attempts: 0, dueAt: 0, reversePath: 'a@b', warned: false };

describe('retries', () => {
  it('P14: a notification has its own lifetime', () => {
    expect(decideRetry({ ...item, reversePath: '' }, 86_400_000, policy)).toEqual({ kind: 'expired' });
    expect(decideRetry(item, 86_400_000, policy)).toMatchObject({ kind: 'retry' });
  });

  it('P14: the wait is never below the minimum or above the maximum, and never shrinks', () => {
    fc.assert(
      fc.property(fc.nat(100_000), (attempts) => {
        const wait = backoff(attempts, policy);
        return wait >= policy.minimalBackoff && wait <= policy.maximalBackoff && backoff(attempts + 1, policy) >= wait;
      }),
    );
  });
});
