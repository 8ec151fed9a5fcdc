/**
 * Limits concurrent deliveries per destination (requirement P15; Postfix: SCHEDULER_README).
 *
 * A destination's window starts at initial_destination_concurrency. Successes make it larger, up to its limit, and
 * failures of the host smaller, each by its feedback; after as many failures as make
 * destination_concurrency_failed_cohort_limit windows the destination is dead for a while, and its mail is deferred
 * without an attempt. With destination_rate_delay there is one delivery at a time, and a pause after each. The number
 * of remembered destinations is bounded.
 */
import type { Reply } from '../../mail/status.ts';
import type { Feedback } from './feedback.ts';

export interface DestinationLimits {
  readonly initial: number;
  readonly limit: number;
  readonly positive: Feedback;
  readonly negative: Feedback;
  /** 0: failures never make it dead. */
  readonly failedCohorts: number;
  /** The pause after a delivery, ms. */
  readonly rateDelay: number;
  /** How long a dead destination is not tried, ms. */
  readonly deadFor: number;
}

/** How a delivery went for the destination; `untried`: nothing was learned about it. */
export type Result = 'success' | 'untried' | Reply;

interface Destination {
  readonly limits: DestinationLimits;
  window: number;
  running: number;
  /** Feedback that has not changed the window yet. */
  credit: number;
  debit: number;
  /** Failures since the last success, in windows. */
  cohorts: number;
  pausedUntil: number;
  deadUntil: number;
  reason: Reply | null;
}

/** Beyond this many destinations, the least recently used is forgotten. */
const REMEMBERED = 10_000;
/** Eight times 1/8 is a whole. */
const ROUNDING = 1e-9;

export class Destinations {
  readonly #limits: (transport: string) => DestinationLimits;
  readonly #note: ((text: string) => void) | undefined;
  readonly #known = new Map<string, Destination>();

  /** `note` hears of every feedback, for the log (destination_concurrency_feedback_debug). */
  constructor(limits: (transport: string) => DestinationLimits, note?: (text: string) => void) {
    this.#limits = limits;
    this.#note = note;
  }

  /** Takes one slot in the window; false if it is full. */
  begin(name: string, transport: string): boolean {
    const destination = this.#touch(name, transport);
    if (destination.running >= Math.max(1, Math.floor(destination.window))) return false;
    destination.running += 1;
    return true;
  }

  /** Releases the slot. */
  end(name: string, transport: string, result: Result, now: number): void {
    const destination = this.#touch(name, transport);
    if (result === 'success') succeeded(destination);
    else if (result !== 'untried') failed(destination, result, now);
    if (result !== 'untried') this.#note?.(wordsOf(name, destination));
    destination.running = Math.max(0, destination.running - 1);
    if (result !== 'untried') destination.pausedUntil = now + destination.limits.rateDelay;
  }

  /** Why nothing should be tried there now, or null. */
  dead(name: string, now: number): Reply | null {
    const destination = this.#known.get(name);
    return destination !== undefined && now < destination.deadUntil ? destination.reason : null;
  }

  /** How long the next delivery must wait because of the last one, ms. Mail that is only put off waits for nothing. */
  pause(name: string, now: number): number {
    const destination = this.#known.get(name);
    return destination === undefined || now < destination.deadUntil ? 0 : Math.max(0, destination.pausedUntil - now);
  }

  /** Forgets which destinations are dead: an operator asked for a retry. */
  revive(): void {
    for (const destination of this.#known.values()) destination.deadUntil = 0;
  }

  window(name: string): number {
    return this.#known.get(name)?.window ?? 0;
  }

  #touch(name: string, transport: string): Destination {
    let destination = this.#known.get(name);
    if (destination === undefined) {
      const limits = this.#limits(transport);
      destination = {
        limits,
        window: Math.min(limits.initial, limits.limit),
        running: 0,
        credit: 0,
        debit: 0,
        cohorts: 0,
        pausedUntil: 0,
        deadUntil: 0,
        reason: null,
      };
      if (this.#known.size >= REMEMBERED) this.#forget();
    } else {
      this.#known.delete(name);
    }
    this.#known.set(name, destination);
    return destination;
  }

  #forget(): void {
    for (const [name, destination] of this.#known) {
      if (destination.running > 0) continue;
      this.#known.delete(name);
      return;
    }
  }
}

function succeeded(destination: Destination): void {
  const { initial, limit, positive } = destination.limits;
  destination.cohorts = 0;
  destination.deadUntil = 0;
  destination.reason = null;
  // No larger than what is used and a few more: otherwise failures would be felt too late.
  if (destination.window >= Math.min(limit, destination.running + initial)) return;
  destination.credit += positive(destination.window);
  while (destination.credit >= 1 - ROUNDING) {
    destination.window = Math.min(limit, destination.window + 1);
    destination.credit -= 1;
    destination.debit = 0;
  }
}

function failed(destination: Destination, reason: Reply, now: number): void {
  const { initial, limit, negative, failedCohorts, deadFor } = destination.limits;
  destination.cohorts += 1 / destination.window;
  if (failedCohorts > 0 && destination.cohorts >= failedCohorts - ROUNDING) {
    destination.window = Math.min(initial, limit);
    destination.cohorts = 0;
    destination.credit = 0;
    destination.debit = 0;
    destination.deadUntil = now + deadFor;
    destination.reason = reason;
    return;
  }
  destination.debit += negative(destination.window);
  while (destination.debit > ROUNDING) {
    destination.window = Math.max(1, destination.window - 1);
    destination.debit -= 1;
    destination.credit = 0;
  }
}

const wordsOf = (name: string, { limits, window, credit, debit, cohorts }: Destination): string =>
  `queue ${name}: limit ${Number.isFinite(limits.limit) ? limits.limit : 0} window ${window} success ${credit} failure ${debit} fail_cohorts ${cohorts}`;
