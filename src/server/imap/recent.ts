/**
 * Which session was the first to be told of a message, and so calls it \Recent (RFC 3501 section 2.3.2). EXAMINE
 * shows what is recent and takes nothing.
 *
 * The sessions of a process agree in memory, in the tick in which they tell, so that telling costs no write. The
 * store learns of it when a STATUS asks and when the mailbox is left by the last of them; a crash before that
 * makes the messages recent once more, as the RFC wants where nobody knows.
 */
import type { Id } from '../../mail/account.ts';
import type { Mailboxes } from '../../store/mailboxes.ts';

interface Told {
  /** UIDs below were told to a session by which they became recent. */
  below: number;
  /** The store knows of those below. */
  saved: number;
  sessions: number;
}

export class RecentMessages {
  readonly #mailboxes: Pick<Mailboxes, 'claimRecent'>;
  readonly #told = new Map<Id, Told>();

  constructor(mailboxes: Pick<Mailboxes, 'claimRecent'>) {
    this.#mailboxes = mailboxes;
  }

  /** A session is about to open the mailbox: what is told to others meanwhile counts. */
  enter(mailbox: Id): void {
    const told = this.#told.get(mailbox);
    if (told === undefined) this.#told.set(mailbox, { below: 0, saved: 0, sessions: 1 });
    else told.sessions += 1;
  }

  /**
   * The store has given the session its picture of the mailbox, and knows what it took. Gives the first UID that may be
   * recent.
   */
  opened(mailbox: Id, uidNext: number, readOnly: boolean): number {
    const from = this.tell(mailbox, uidNext - 1, readOnly);
    const told = this.#told.get(mailbox);
    if (told !== undefined && !readOnly) told.saved = Math.max(told.saved, uidNext);
    return from;
  }

  /** The session is being told of messages up to this UID. Gives the first that is recent for it. */
  tell(mailbox: Id, last: number, readOnly: boolean): number {
    const told = this.#told.get(mailbox);
    if (told === undefined) return 0;
    const from = told.below;
    if (!readOnly) told.below = Math.max(told.below, last + 1);
    return from;
  }

  leave(mailbox: Id): void {
    const told = this.#told.get(mailbox);
    if (told === undefined) return;
    told.sessions -= 1;
    if (told.sessions > 0) return;
    this.save(mailbox)
      // The mailbox may be gone, and the store on its way down: the messages are recent once more.
      .catch(() => {})
      .finally(() => {
        if (told.sessions === 0) this.#told.delete(mailbox);
      });
  }

  /** Lets the store know, for STATUS. */
  async save(mailbox: Id): Promise<void> {
    const told = this.#told.get(mailbox);
    if (told === undefined || told.below <= told.saved) return;
    const upTo = told.below;
    await this.#mailboxes.claimRecent(mailbox, upTo);
    told.saved = Math.max(told.saved, upTo);
  }
}

/** Servers of several generations of a configuration share a store, and their sessions its mailboxes. */
const SHARED = new WeakMap<Mailboxes, RecentMessages>();

export function recentMessages(mailboxes: Mailboxes): RecentMessages {
  const known = SHARED.get(mailboxes) ?? new RecentMessages(mailboxes);
  SHARED.set(mailboxes, known);
  return known;
}
