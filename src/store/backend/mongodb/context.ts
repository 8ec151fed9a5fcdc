/** What the parts of the store have in common. */
import type { Log } from '../../../log.ts';
import type { Database } from './database/database.ts';
import type { Kept } from './database/documents.ts';
import type { MailboxLog } from './log/mailbox-log.ts';

/** How long expunged messages are kept, ms; null: nobody has said. */
export interface Retention {
  ms: number | null;
}

/** The mark of messages of this mailbox that are expunged now; undefined: they are not kept. */
export const keepNow = ({ retention, clock }: Context, name: string): Kept | undefined =>
  (retention.ms ?? 0) > 0 ? { kept: clock(), name } : undefined;

export interface Context {
  readonly database: Database;
  readonly mailboxes: MailboxLog;
  /** This process. */
  readonly by: string;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  readonly retention: Retention;
  /** Acceptances and intents that this process is about: nobody else finishes them while it lives. */
  readonly running: Set<string>;
}
