/**
 * Decides which session is the first to be told of a message, and so reports it as \Recent (RFC 3501 section 2.3.2).
 * EXAMINE shows \Recent but does not clear it.
 *
 * The sessions of a process share this state in memory, so reporting a message costs no write. It is saved to the store
 * when a STATUS asks for it and when the last session leaves the mailbox; after a crash before that, the messages are
 * recent again, as the RFC recommends when the server cannot know.
 */
import type { Id } from '../../mail/account.ts';
import type { Mailboxes } from '../../store/mailboxes.ts';

interface Told {
  /** UIDs below this are no longer recent: a session has reported them. */
  below: number;
  /** The value of `below` that the store has. */
  saved: number;
  sessions: number;
}

export class RecentMessages {
  readonly #mailboxes: Pick<Mailboxes, 'claimRecent'>;
  readonly #told = new Map<Id, Told>();

  constructor(mailboxes: Pick<Mailboxes, 'claimRecent'>) {
    this.#mailboxes = mailboxes;
  }

  /** A session is about to open the mailbox: from now on, what other sessions report counts. */
  enter(mailbox: Id): void {
    const told = this.#told.get(mailbox);
    if (told === undefined) this.#told.set(mailbox, { below: 0, saved: 0, sessions: 1 });
    else told.sessions += 1;
  }

  /**
   * The session has its snapshot from the store, which knows what the session claimed. Returns the first UID that may
   * be recent.
   */
  opened(mailbox: Id, uidNext: number, readOnly: boolean): number {
    const from = this.tell(mailbox, uidNext - 1, readOnly);
    const told = this.#told.get(mailbox);
    if (told !== undefined && !readOnly) told.saved = Math.max(told.saved, uidNext);
    return from;
  }

  /** The session is about to report messages up to this UID. Returns the first that is recent for it. */
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
      // The mailbox may be deleted or the store closing; the messages are then recent again.
      .catch(() => {})
      .finally(() => {
        if (told.sessions === 0) this.#told.delete(mailbox);
      });
  }

  /** Saves the state to the store, for STATUS. */
  async save(mailbox: Id): Promise<void> {
    const told = this.#told.get(mailbox);
    if (told === undefined || told.below <= told.saved) return;
    const upTo = told.below;
    await this.#mailboxes.claimRecent(mailbox, upTo);
    told.saved = Math.max(told.saved, upTo);
  }
}

/** After a reload, servers of several generations share a store, and their sessions share its mailboxes. */
const SHARED = new WeakMap<Mailboxes, RecentMessages>();

export function recentMessages(mailboxes: Mailboxes): RecentMessages {
  const known = SHARED.get(mailboxes) ?? new RecentMessages(mailboxes);
  SHARED.set(mailboxes, known);
  return known;
}
