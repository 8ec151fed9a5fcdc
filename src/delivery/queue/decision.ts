/**
 * The consequence of an outcome, and whether the sender is notified. Pure.
 */
import { formatReply, reply, softened } from '../../mail/status.ts';
import type { Settlement } from '../../store/queue.ts';
import { isWanted } from '../notify/notifier.ts';
import type { Outcome } from '../outcome.ts';
import { MAILBOX_AGENTS } from '../route/router.ts';
import { decideRetry, type RetryPolicy } from './retry.ts';

/** An outcome and its consequence. */
export type Decided =
  | { readonly outcome: Outcome; readonly fate: 'sent' | 'bounced' | 'expired' }
  | {
      readonly outcome: Outcome;
      readonly fate: 'deferred';
      readonly dueAt: number;
      readonly warn: boolean;
      /** It would have bounced (soft_bounce). */
      readonly spared: boolean;
    };

export function decide(outcome: Outcome, now: number, policy: RetryPolicy): Decided {
  const spared = outcome.status === 'bounced' && policy.softBounce;
  if (spared) return deferred({ ...outcome, reply: softened(outcome.reply) }, now, policy, true);
  return outcome.status === 'deferred' ? deferred(outcome, now, policy, false) : { outcome, fate: outcome.status };
}

function deferred(outcome: Outcome, now: number, policy: RetryPolicy, spared: boolean): Decided {
  const retry = decideRetry(outcome.item, now, policy);
  if (retry.kind === 'expired') return { outcome, fate: 'expired' };
  return { outcome, fate: 'deferred', dueAt: retry.dueAt, warn: retry.warn && isWanted('delay', outcome.item), spared };
}

export const isFailure = (one: Decided): boolean => one.fate === 'bounced' || one.fate === 'expired';

export const isLate = (one: Decided): boolean => one.fate === 'deferred' && one.warn;

/** The sender is told of this attempt, whatever its outcome is (`sendmail -v`). */
export const isReported = ({ outcome: { item } }: Decided): boolean => item.reports === true && item.attempts === 0;

/**
 * Whether its settlement waits for the message's other recipients, so that the sender gets a single notification. A
 * success at another server does not wait: if it were retried after a crash, the message would arrive twice. Local
 * delivery is idempotent. Mail of `sendmail -v` waits: its report is about all recipients.
 */
export const waitsForOthers = (one: Decided): boolean =>
  isReported(one) ||
  isFailure(one) ||
  isLate(one) ||
  (one.fate === 'sent' && MAILBOX_AGENTS.has(one.outcome.relay) && isWanted('success', one.outcome.item));

/**
 * `notified`: kinds of which the sender has been notified; items whose notification failed stay in the queue until
 * `retryAt`.
 */
export function settlementOf(
  one: Decided,
  notified: { readonly failures: boolean; readonly delays: boolean },
  retryAt: number,
): Settlement {
  const { item, reply: answer } = one.outcome;
  if (one.fate === 'sent') return { item: item.id, outcome: 'done' };
  if (one.fate === 'deferred') {
    const warned = item.warned || (one.warn && notified.delays);
    return { item: item.id, outcome: 'deferred', dueAt: one.dueAt, reply: answer, warned };
  }
  if (notified.failures) return { item: item.id, outcome: 'done' };
  return {
    item: item.id,
    outcome: 'deferred',
    dueAt: retryAt,
    reply: reply(451, '4.3.0', `bounce failed; ${formatReply(answer)}`),
    warned: item.warned,
  };
}
