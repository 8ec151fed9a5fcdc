/**
 * When an undelivered message is retried, and when retries end (requirement P14). Pure: the time is an argument.
 *
 * The wait doubles from minimal_backoff_time up to maximal_backoff_time. A message older than maximal_queue_lifetime
 * (bounce_queue_lifetime for notifications) is returned to its sender after one more attempt.
 */
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { QueueItem } from '../../store/queue.ts';

/** All in milliseconds. */
export interface RetryPolicy {
  readonly minimalBackoff: number;
  readonly maximalBackoff: number;
  readonly queueLifetime: number;
  readonly bounceLifetime: number;
  /** Ages at which the sender is notified of the delay, ascending; empty for never. */
  readonly delayWarnings: readonly number[];
  /** What would bounce waits instead (soft_bounce). */
  readonly softBounce: boolean;
}

const SECOND_WARNING = 4 * 60 * 60 * 1000;

export function readRetryPolicy(parameters: ParameterReader): RetryPolicy {
  const minimalBackoff = parameters.time('minimal_backoff_time');
  const warning = parameters.time('delay_warning_time');
  return {
    minimalBackoff,
    maximalBackoff: Math.max(minimalBackoff, parameters.time('maximal_backoff_time')),
    queueLifetime: parameters.time('maximal_queue_lifetime'),
    bounceLifetime: parameters.time('bounce_queue_lifetime'),
    // An early warning (5 minutes, say) is followed by the customary one after four hours.
    softBounce: parameters.boolean('soft_bounce'),
    delayWarnings: warning === 0 ? [] : warning < SECOND_WARNING ? [warning, SECOND_WARNING] : [warning],
  };
}

export type RetryDecision =
  | { readonly kind: 'expired' }
  | { readonly kind: 'retry'; readonly dueAt: number /** The sender is to be told now. */; readonly warn: boolean };

type Tried = Pick<QueueItem, 'arrivedAt' | 'attempts' | 'dueAt' | 'reversePath' | 'warned'>;

/** Called after a temporary failure; `attempts` does not include it yet. */
export function decideRetry(item: Tried, now: number, policy: RetryPolicy): RetryDecision {
  const age = now - item.arrivedAt;
  if (age >= (item.reversePath === '' ? policy.bounceLifetime : policy.queueLifetime)) return { kind: 'expired' };
  return { kind: 'retry', dueAt: now + backoff(item.attempts, policy), warn: crossedWarning(item, age, policy) };
}

/** The wait after `attempts` earlier failures. @internal */
export function backoff(attempts: number, policy: Pick<RetryPolicy, 'minimalBackoff' | 'maximalBackoff'>): number {
  return Math.min(policy.maximalBackoff, policy.minimalBackoff * 2 ** Math.min(attempts, 30));
}

/** The first warning is due once its age is reached; a later one if its age was passed since the previous attempt. */
function crossedWarning(item: Tried, age: number, policy: RetryPolicy): boolean {
  const [first, ...later] = policy.delayWarnings;
  if (first === undefined || item.reversePath === '') return false;
  if (!item.warned) return age >= first;
  const before = item.dueAt - item.arrivedAt - backoff(Math.max(0, item.attempts - 1), policy);
  return later.some((warning) => before < warning && age >= warning);
}
