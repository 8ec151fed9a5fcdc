/**
 * Handles the consequences of an attempt: log lines, notifications, and each item's settlement in the queue. Only here
 * is it decided which recipients are settled at once and which wait for the message's last delivery, so that the sender
 * gets one notification.
 *
 * The order prevents loss: first the notification is durable, then the item is settled. A crash before the settlement
 * leaves the item leased, and it is tried again; if a notification cannot be made durable, its item stays queued.
 */
import type { HookName, Hooks } from '../../bus/hook.ts';
import type { Clock } from '../../clock.ts';
import { counters } from '../../counters.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { LogAddress } from '../../lookup/log-address.ts';
import { reply } from '../../mail/status.ts';
import type { Queue, QueueItem, Settlement } from '../../store/queue.ts';
import { StoreUnavailableError } from '../../store/store.ts';
import { formatDelays, recipientWords } from '../log-format.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Attempt, Outcome } from '../outcome.ts';
import type { ActiveMessage } from './active-message.ts';
import { afterTimeout } from './after.ts';
import { type Decided, decide, isFailure, isLate, isReported, settlementOf, waitsForOthers } from './decision.ts';
import { PROGRAMS, type Program } from './program.ts';
import type { RetryPolicy } from './retry.ts';

export interface SettlerOptions {
  readonly queue: Pick<Queue, 'settle'>;
  readonly hooks: Hooks;
  readonly notifier: Notifier;
  readonly retry: RetryPolicy;
  /** delay_logging_resolution_limit */
  readonly delayDigits: number;
  readonly logAddress: LogAddress;
  readonly clock: Clock;
  readonly log: Log;
  /** As the runner's; default setTimeout. */
  after?(ms: number, callback: () => void): () => void;
}

/** Between two attempts to write to a store that is away, ms. */
const RETRY_MS = 5_000;

/** When a delivery was tried, and by which program. */
export interface Trial {
  readonly startedAt: number;
  /** The Postfix program that would do this. */
  readonly program: Program;
}

const HOOKS: Readonly<Record<Decided['fate'], HookName & ('delivered' | 'deferred' | 'bounce')>> = {
  sent: 'delivered',
  deferred: 'deferred',
  bounced: 'bounce',
  expired: 'bounce',
};

export class Settler {
  readonly #options: SettlerOptions;
  readonly #logs: ReadonlyMap<Program, Log>;
  readonly #log: Log;
  readonly #after: NonNullable<SettlerOptions['after']>;
  /** Wake those that wait for the store. */
  readonly #waiting = new Set<() => void>();
  #patient = true;

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#after = options.after ?? afterTimeout;
    this.#logs = new Map(PROGRAMS.map((program) => [program, options.log.child({ process: `postfix/${program}` })]));
    this.#log = options.log.child({ process: 'postfix/qmgr' });
  }

  /**
   * A delivery finished with outcomes: decides on each, logs it, notifies plugins, and settles those that do not wait
   * for the message's other recipients. Returns how many items it settled or deferred; the others follow with
   * `deliveryEnded`. Rejects only before anything is settled.
   */
  async concluded(message: ActiveMessage, attempt: Attempt, { startedAt, program }: Trial): Promise<number> {
    const trial = { startedAt, program: attempt.program ?? program };
    const { clock, retry, notifier } = this.#options;
    const now = clock();
    const decided = attempt.outcomes.map((outcome) => decide(outcome, now, retry));
    for (const one of decided) {
      this.#logOutcome(one, message.claimedAt, attempt, trial);
      // Do not await observers: a crash before the settlement is durable would send the message again.
      void this.#tellPlugins(one);
    }
    if (attempt.transcript !== '')
      await notifier.transcript(
        'protocol',
        `SMTP client: errors from ${attempt.outcomes[0]?.relay ?? 'nobody'}`,
        attempt.transcript,
      );
    message.postpone(decided.filter(waitsForOthers));
    return this.#settle(
      message,
      decided.filter((one) => !waitsForOthers(one)),
    );
  }

  /**
   * A delivery of the message finished, or will not start. After the last one, waiting outcomes are notified and
   * settled; returns the number of those items. `settled`: false if its items stay in the queue. Never rejects.
   */
  async deliveryEnded(message: ActiveMessage, settled: boolean): Promise<number> {
    if (!settled) message.stay();
    if (!message.end()) return 0;
    const count = await this.#settle(message, message.postponed);
    if (message.gone) this.#log.info({ queueId: message.queueId }, `${message.queueId}: removed`);
    return count;
  }

  /** Something could not be written yet. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** A store that is away is waited for no longer: leases that could not be ended will expire. */
  giveUp(): void {
    this.#patient = false;
    for (const wake of this.#waiting) wake();
  }

  /** Waits for a store that is away: what was decided must not be forgotten, or it would be done again. */
  async #write(settlements: readonly Settlement[]): Promise<void> {
    for (;;) {
      try {
        return await this.#options.queue.settle(settlements);
      } catch (error) {
        if (!this.#patient || !(error instanceof StoreUnavailableError)) throw error;
      }
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const cancel = this.#after(RETRY_MS, wake);
      this.#waiting.add(wake);
    });
  }

  /** After an internal error: the items are retried later, because they would fail again now. Never rejects. */
  async putOff(items: readonly QueueItem[]): Promise<void> {
    const { clock, retry } = this.#options;
    const dueAt = clock() + retry.minimalBackoff;
    const because = reply(451, '4.3.0', 'internal failure, see the log');
    try {
      await this.#write(items.map((item) => ({ item: item.id, outcome: 'deferred', dueAt, reply: because })));
    } catch {
      // The store fails altogether: the leases will expire.
    }
  }

  /** Without an attempt: the items are due as before. Never rejects. */
  async giveBack(items: readonly QueueItem[]): Promise<void> {
    if (items.length === 0) return;
    try {
      await this.#write(items.map((item) => ({ item: item.id, outcome: 'released' })));
    } catch (error) {
      this.#log.warn({ err: error }, 'leases could not be released; they will expire');
    }
  }

  /**
   * Returns how many. Until it is durable the items are leased: a crash repeats the attempt and never loses an item.
   * Never rejects.
   */
  async #settle(message: ActiveMessage, decided: readonly Decided[]): Promise<number> {
    if (decided.length === 0) return 0;
    let settlements: readonly Settlement[];
    try {
      settlements = await this.#notify(decided);
    } catch (error) {
      message.stay();
      const items = decided.map(({ outcome }) => outcome.item);
      if (error instanceof StoreUnavailableError) await this.giveBack(items);
      else {
        this.#log.error(
          { queueId: message.queueId, err: error },
          `${message.queueId}: the sender could not be notified: ${messageOf(error)}`,
        );
        await this.putOff(items);
      }
      return decided.length;
    }
    if (settlements.some(({ outcome }) => outcome !== 'done')) message.stay();
    await this.#record(message, settlements);
    return decided.length;
  }

  /**
   * Sends the notifications for these; returns the settlements of the items. Rejects only if the store fails: then
   * nothing is settled.
   */
  async #notify(decided: readonly Decided[]): Promise<readonly Settlement[]> {
    const { notifier, clock, retry } = this.#options;
    const outcomes = (wanted: (one: Decided) => boolean): Outcome[] => decided.filter(wanted).map((one) => one.outcome);
    const failed = outcomes(isFailure);
    const failures = failed.length === 0 || (await notifier.notify('failure', failed));
    const late = outcomes(isLate);
    const delays = late.length > 0 && (await notifier.notify('delay', late));
    const succeeded = outcomes((one) => one.fate === 'sent' && !one.outcome.notifies);
    // A success whose notification failed is still a success: a retry would deliver twice.
    if (succeeded.length > 0) await notifier.notify('success', succeeded).catch(() => false);
    const reported = outcomes(isReported);
    if (reported.length > 0) await notifier.attempted(reported).catch(() => false);
    const retryAt = clock() + retry.minimalBackoff;
    return decided.map((one) => settlementOf(one, { failures, delays }, retryAt));
  }

  /** Keep trying to write a decision instead of attempting again: the message would arrive twice. */
  async #record(message: ActiveMessage, settlements: readonly Settlement[]): Promise<void> {
    try {
      await this.#write(settlements).catch(() => this.#write(settlements));
    } catch (error) {
      message.stay();
      this.#log.error(
        { queueId: message.queueId, err: error },
        `${message.queueId}: not settled, its lease will expire: ${messageOf(error)}`,
      );
    }
  }

  #logOutcome(decided: Decided, claimedAt: number, attempt: Attempt, trial: Trial): void {
    const { item, relay, reply: answer } = decided.outcome;
    const { queueId } = item;
    counters.deliveries.count(trial.program, decided.fate);
    if (decided.fate === 'sent')
      counters.deliveryDelay.observe((this.#options.clock() - item.arrivedAt) / 1000, trial.program);
    const delays = formatDelays(
      [claimedAt - item.arrivedAt, trial.startedAt - claimedAt, attempt.connecting, attempt.sending],
      this.#options.delayDigits,
    );
    const status = statusOf(decided);
    const dsn = answer.enhanced === '' ? `${Math.floor(answer.code / 100)}.0.0` : answer.enhanced;
    const who = recipientWords({ address: item.recipient, original: item.original }, this.#options.logAddress);
    const text = answer.text.replaceAll('\n', ' ');
    this.#logs
      .get(trial.program)
      ?.info({ queueId }, `${queueId}: ${who}, relay=${relay}, ${delays}, dsn=${dsn}, status=${status} (${text})`);
    if (decided.fate === 'expired')
      this.#log.info(
        { queueId },
        `${queueId}: from=<${this.#options.logAddress(item.reversePath)}>, status=expired, returned to sender`,
      );
  }

  async #tellPlugins(decided: Decided): Promise<void> {
    const { hooks } = this.#options;
    const hook = HOOKS[decided.fate];
    if (!hooks.has(hook)) return;
    const { item, reply: answer, relay } = decided.outcome;
    await hooks.run(hook, { queueId: item.queueId, recipient: item.recipient, reply: answer, relay });
  }
}

function statusOf(decided: Decided): string {
  if (decided.fate === 'deferred' && decided.spared) return 'SOFTBOUNCE';
  return decided.fate === 'expired' ? 'deferred' : decided.fate;
}
