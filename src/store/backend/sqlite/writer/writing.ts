/**
 * What the writer's operations work with: the connection inside the batch's transaction, and the changes to tell after
 * its commit.
 */
import type { PackedChange } from '../calls.ts';
import type { Database } from '../database.ts';

export interface Writing {
  readonly db: Database;
  /** Told only where the operation succeeds and its transaction is committed. */
  tell(change: PackedChange): void;
}

/** Mailboxes an account may have: a client's loop must not fill the store. */
export const MAX_MAILBOXES = 10_000;
/** Different keywords a mailbox may have. */
export const MAX_KEYWORDS = 500;
