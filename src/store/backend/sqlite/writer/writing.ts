/**
 * Context of the writer's operations: the connection inside the batch's transaction, and the changes to report after
 * its commit.
 */
import type { PackedChange } from '../calls.ts';
import type { Database } from '../database.ts';

export interface Writing {
  readonly db: Database;
  /** Reported only if the operation succeeds and its transaction is committed. */
  tell(change: PackedChange): void;
}

/** Mailboxes per account: a client in a loop must not fill the store. */
export const MAX_MAILBOXES = 10_000;
/** Different keywords per mailbox. */
export const MAX_KEYWORDS = 500;
