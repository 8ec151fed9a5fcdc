/**
 * The items of one message that were claimed together (Postfix: a message in the active queue). Internals are used only
 * by the settler.
 *
 * Its deliveries finish one by one; outcomes to be reported to the sender wait here until the last one has finished, so
 * that five failed recipients make one notification. All were leased at the same time, so waiting never outlasts the
 * lease.
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

  /** One more delivery of this message. */
  begin(): void {
    this.#deliveries += 1;
  }

  /** A delivery finished. True if it was the last one. */
  end(): boolean {
    this.#deliveries -= 1;
    return this.#deliveries === 0;
  }

  /** Holds outcomes until the last delivery has finished. */
  postpone(decided: readonly Decided[]): void {
    this.#postponed.push(...decided);
  }

  /** In the order in which they became known. */
  get postponed(): readonly Decided[] {
    return this.#postponed;
  }

  /** An item stays in the queue. */
  stay(): void {
    this.#stays = true;
  }

  /** No item stays: the message is removed. */
  get gone(): boolean {
    return !this.#stays;
  }
}
