/**
 * Tells plugins what happened in a mailbox, after it is durable. Nothing waits for them, and nothing is looked up where
 * no plugin has the hook.
 */
import type { Account, Id } from '../mail/account.ts';
import { INBOX } from '../mail/mailbox.ts';
import type { Mailboxes } from '../store/mailboxes.ts';
import type { LocalDelivery } from '../store/store.ts';
import type { Hooks, MailboxName } from './hook.ts';

export interface EventServices {
  readonly hooks: Hooks;
  readonly store: { readonly mailboxes: Pick<Mailboxes, 'list'> };
}

export class MailboxEvents {
  readonly #hooks: Hooks;
  readonly #store: EventServices['store'];

  constructor({ hooks, store }: EventServices) {
    this.#hooks = hooks;
    this.#store = store;
  }

  appended(account: Account, mailbox: MailboxName, uid: number): void {
    if (!this.#hooks.has('message_appended')) return;
    void this.#hooks.run('message_appended', { account, mailbox: nameOf(mailbox), uids: [uid] });
  }

  /** A delivery: `asked` is where it was to go, `mailbox` where it is. */
  delivered(account: Account, asked: LocalDelivery['mailbox'], { mailbox, uid }: Delivered): void {
    if (!this.#hooks.has('message_appended')) return;
    // Nearly all mail goes there, and its name needs no look at the store.
    if ('name' in asked && asked.name === INBOX.name) this.appended(account, INBOX, uid);
    else void this.#tellDelivered(account, mailbox, uid);
  }

  async #tellDelivered(account: Account, mailbox: Id, uid: number): Promise<void> {
    try {
      // Its status would count its messages.
      const found = (await this.#store.mailboxes.list(account.id)).find(({ id }) => id === mailbox);
      if (found !== undefined) this.appended(account, found, uid);
    } catch {
      // The mailbox is gone, or the store is away and says so itself: there is nothing to tell about.
    }
  }

  /** `uids`: in the target. */
  moved(
    hook: 'message_moved' | 'message_copied',
    account: Account,
    from: MailboxName,
    target: MailboxName,
    uids: readonly number[],
  ): void {
    if (!this.#hooks.has(hook) || uids.length === 0) return;
    void this.#hooks.run(hook, { account, mailbox: nameOf(target), from: nameOf(from), uids });
  }

  deleted(account: Account, mailbox: MailboxName, uids: readonly number[]): void {
    if (!this.#hooks.has('message_deleted') || uids.length === 0) return;
    void this.#hooks.run('message_deleted', { account, mailbox: nameOf(mailbox), uids });
  }
}

/** Where a message is since a delivery. */
interface Delivered {
  readonly mailbox: Id;
  readonly uid: number;
}

const nameOf = ({ name, specialUse }: MailboxName): MailboxName => ({ name, specialUse });
