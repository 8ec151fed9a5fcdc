/**
 * Tells plugins what happened in a mailbox, after it is durable. Nothing waits for them, and nothing is looked up where
 * no plugin has the hook.
 */
import type { Account, Id } from '../mail/account.ts';
import type { Mailboxes } from '../store/mailboxes.ts';
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

  appended(account: Account, mailbox: Id, uids: readonly number[]): void {
    if (this.#hooks.has('message_appended') && uids.length > 0) void this.#tellAppended(account, mailbox, uids);
  }

  async #tellAppended(account: Account, mailbox: Id, uids: readonly number[]): Promise<void> {
    try {
      // Its status would count its messages.
      const found = (await this.#store.mailboxes.list(account.id)).find(({ id }) => id === mailbox);
      if (found === undefined) return;
      await this.#hooks.run('message_appended', { account, mailbox: nameOf(found), uids });
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

const nameOf = ({ name, specialUse }: MailboxName): MailboxName => ({ name, specialUse });
