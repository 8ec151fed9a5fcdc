/**
 * The items of one message that were claimed together (Postfix: a message in the active queue).
 *
 * Its deliveries go their own ways; what the sender is to be told of them waits here until the last one has
 * ended, so that five failed recipients are one notification. All were leased at one moment, so waiting
 * never outlasts the lease.
 */
import type { Decided } from './settlement.ts';

export class ActiveMessage {
  readonly queueId: string;
  readonly claimedAt: number;
  /** Outcomes that are to be told, in the order in which they were known. */
  readonly waiting: Decided[] = [];
  #jobs = 0;
  #left = false;

  constructor(queueId: string, claimedAt: number) {
    this.queueId = queueId;
    this.claimedAt = claimedAt;
  }

  /** One more delivery belongs to it. */
  begin(): void {
    this.#jobs += 1;
  }

  /** A delivery ended. True where it was the last one. */
  end(): boolean {
    this.#jobs -= 1;
    return this.#jobs === 0;
  }

  /** An item of it stays in the queue. */
  leave(): void {
    this.#left = true;
  }

  /** No item stays: the message is removed. */
  get gone(): boolean {
    return !this.#left;
  }
}
