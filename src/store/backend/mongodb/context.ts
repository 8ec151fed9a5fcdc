/** What the parts of the store have in common. */
import type { Log } from '../../../log.ts';
import type { Database } from './database/database.ts';
import type { MailboxLog } from './log/mailbox-log.ts';

export interface Context {
  readonly database: Database;
  readonly mailboxes: MailboxLog;
  /** This process. */
  readonly by: string;
  readonly log: Log;
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number;
  /** Acceptances and intents that this process is about: nobody else finishes them while it lives. */
  readonly running: Set<string>;
}
