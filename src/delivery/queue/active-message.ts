/**
 * The items of one message that were claimed together (Postfix: a message in the active queue). Only the settler looks
 * inside.
 *
 * Its deliveries end one by one; outcomes of which the sender is notified wait here until the last one has ended, so
 * that five failed recipients are one notification. All were leased at one moment, so waiting never outlasts the lease.
 */
import type { Decided } from './decision.ts';

export class ActiveMessage {
  readonly queueId: string;
  readonly claimedAt: number;
  readonly #postponed: Decided[] = [];
  #stays = false;
  #deliveries = 0;

  constructor(queueId: string, claimedAt: number) {
    this.queueId = queueId;
    this.claimedAt = claimedAt;
  }

  /** One more delivery belongs to it. */
  begin(): void {
    this.#deliveries += 1;
  }

  /** A delivery ended. True where it was the last one. */
  end(): boolean {
    this.#deliveries -= 1;
    return this.#deliveries === 0;
  }

  /** Keeps outcomes until the last delivery has ended. */
  postpone(decided: readonly Decided[]): void {
    this.#postponed.push(...decided);
  }

  /** In the order in which they were known. */
  get postponed(): readonly Decided[] {
    return this.#postponed;
  }

  /** An item of it stays in the queue. */
  stay(): void {
    this.#stays = true;
  }

  /** No item stays: the message is removed. */
  get gone(): boolean {
    return !this.#stays;
  }
}
