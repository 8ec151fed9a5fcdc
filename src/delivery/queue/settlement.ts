/**
 * What follows from an attempt: log lines, notifications, and each item's settlement.
 *
 * Order is what keeps mail from being lost: first the notification is durable, then the item is
 * settled. A crash before the settlement leaves the item leased, and it is tried again; where a
 * notification cannot be made durable, its item stays in the queue.
 */
import type { HookName, Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { formatReply, reply } from '../../mail/status.ts';
import type { QueueItem, Settlement } from '../../store/queue.ts';
import { formatDelays, recipientWords } from '../log-format.ts';
import { isWanted, type Notifier } from '../notify/notifier.ts';
import type { Attempt, Outcome } from '../outcome.ts';
import { decideRetry, type RetryPolicy } from './retry.ts';

export interface SettlerOptions {
  readonly hooks: Hooks;
  readonly notifier: Notifier;
  readonly retry: RetryPolicy;
  readonly clock: Clock;
  readonly log: Log;
}

export interface AttemptTimes {
  readonly claimedAt: number;
  readonly startedAt: number;
  /** Of Postfix's programs, the one that would do this: `smtp`, `local`, `error` … */
  readonly program: Program;
}

/** An outcome and what follows from it. */
export type Decided =
  | { readonly outcome: Outcome; readonly fate: 'sent' | 'bounced' | 'expired' }
  | { readonly outcome: Outcome; readonly fate: 'deferred'; readonly dueAt: number; readonly warn: boolean };

const HOOKS: Readonly<Record<Decided['fate'], HookName & ('delivered' | 'deferred' | 'bounce')>> = {
  sent: 'delivered',
  deferred: 'deferred',
  bounced: 'bounce',
  expired: 'bounce',
};

/** Whose name the log's line bears. */
const PROGRAMS = ['smtp', 'lmtp', 'local', 'error', 'discard'] as const;
export type Program = (typeof PROGRAMS)[number];

export interface Settler {
  /** Decides on each outcome, logs it, and tells plugins. */
  conclude(attempt: Attempt, times: AttemptTimes): Promise<readonly Decided[]>;
  /** Tells whoever is to be told; the result settles the items. All are of one message. Rejects only when the store fails: then nothing is settled. */
  settle(decided: readonly Decided[]): Promise<readonly Settlement[]>;
}

export function createSettler(options: SettlerOptions): Settler {
  const logs = new Map(PROGRAMS.map((program) => [program, options.log.child({ process: `postfix/${program}` })]));
  const queueLog = options.log.child({ process: 'postfix/qmgr' });

  function decide(outcome: Outcome, now: number): Decided {
    if (outcome.status !== 'deferred') return { outcome, fate: outcome.status };
    const retry = decideRetry(outcome.item, now, options.retry);
    if (retry.kind === 'expired') return { outcome, fate: 'expired' };
    return { outcome, fate: 'deferred', dueAt: retry.dueAt, warn: retry.warn && isWanted('delay', outcome.item) };
  }

  function logOutcome(decided: Decided, attempt: Attempt, times: AttemptTimes): void {
    const { item, relay, reply: answer } = decided.outcome;
    const delays = formatDelays([times.claimedAt - item.arrivedAt, times.startedAt - times.claimedAt, attempt.connecting, attempt.sending]);
    const status = decided.fate === 'expired' ? 'deferred' : decided.fate;
    const dsn = answer.enhanced === '' ? `${Math.floor(answer.code / 100)}.0.0` : answer.enhanced;
    const who = recipientWords({ address: item.recipient, original: item.original });
    logs
      .get(times.program)
      ?.info(
        { queueId: item.queueId },
        `${item.queueId}: ${who}, relay=${relay}, ${delays}, dsn=${dsn}, status=${status} (${answer.text.replaceAll('\n', ' ')})`,
      );
    if (decided.fate === 'expired') queueLog.info({ queueId: item.queueId }, `${item.queueId}: from=<${item.reversePath}>, status=expired, returned to sender`);
  }

  async function tellPlugins(decided: Decided): Promise<void> {
    const hook = HOOKS[decided.fate];
    if (!options.hooks.has(hook)) return;
    const { item, reply: answer, relay } = decided.outcome;
    await options.hooks.run(hook, { queueId: item.queueId, recipient: item.recipient, reply: answer, relay });
  }

  async function conclude(attempt: Attempt, times: AttemptTimes): Promise<readonly Decided[]> {
    const now = options.clock();
    const decided = attempt.outcomes.map((outcome) => decide(outcome, now));
    for (const one of decided) {
      logOutcome(one, attempt, times);
      // Nobody waits for whoever only watches: until the settlement is durable, a crash sends the message again.
      void tellPlugins(one);
    }
    if (attempt.transcript !== '')
      await options.notifier.transcript('protocol', `SMTP client: errors from ${attempt.outcomes[0]?.relay ?? 'nobody'}`, attempt.transcript);
    return decided;
  }

  async function settle(decided: readonly Decided[]): Promise<readonly Settlement[]> {
    const outcomes = (wanted: (one: Decided) => boolean): Outcome[] => decided.filter(wanted).map((one) => one.outcome);
    const failed = outcomes(isFailure);
    const failuresTold = failed.length === 0 || (await options.notifier.notify('failure', failed));
    const late = outcomes((one) => one.fate === 'deferred' && one.warn);
    const delaysTold = late.length > 0 && (await options.notifier.notify('delay', late));
    const succeeded = outcomes((one) => one.fate === 'sent' && !one.outcome.notifies);
    // A success that cannot be told is still a success: trying again would deliver twice.
    if (succeeded.length > 0) await options.notifier.notify('success', succeeded).catch(() => false);
    const told = { failuresTold, delaysTold, now: options.clock(), backoff: options.retry.minimalBackoff };
    return decided.map((one) => settlementOf(one, told));
  }

  return { conclude, settle };
}

const isFailure = (one: Decided): boolean => one.fate === 'bounced' || one.fate === 'expired';

/**
 * Whether its settlement waits for the message's other recipients, to be told of together with them. A success elsewhere
 * does not: were it tried again after a crash, the message would arrive twice (a mailbox of ours takes it once).
 */
export const isToldTogether = (one: Decided): boolean =>
  isFailure(one) || (one.fate === 'deferred' && one.warn) || (one.fate === 'sent' && one.outcome.relay === 'local' && isWanted('success', one.outcome.item));

function settlementOf(one: Decided, told: { failuresTold: boolean; delaysTold: boolean; now: number; backoff: number }): Settlement {
  const { item, reply: answer } = one.outcome;
  if (one.fate === 'sent') return { item: item.id, outcome: 'done' };
  if (one.fate === 'deferred') {
    const warned = item.warned || (one.warn && told.delaysTold);
    return { item: item.id, outcome: 'deferred', dueAt: one.dueAt, reply: answer, warned };
  }
  if (told.failuresTold) return { item: item.id, outcome: 'done' };
  return {
    item: item.id,
    outcome: 'deferred',
    dueAt: told.now + told.backoff,
    reply: reply(451, '4.3.0', `bounce failed; ${formatReply(answer)}`),
    warned: item.warned,
  };
}

/** Gives items back without an attempt. */
export const released = (items: readonly QueueItem[]): Settlement[] => items.map((item) => ({ item: item.id, outcome: 'released' }));
