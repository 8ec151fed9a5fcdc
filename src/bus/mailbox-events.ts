/**
 * Tells plugins what happened in a mailbox, after it is durable. Nothing waits for them, and nothing is looked up where
 * no plugin has the hook.
 */
import type { Account, Id } from '../mail/account.ts';
import type { ContentStore } from '../store/content.ts';
import type { Mailboxes } from '../store/mailboxes.ts';
import type { Hooks, MailboxMessage, MailboxName } from './hook.ts';

export interface EventServices {
  readonly hooks: Hooks;
  readonly store: { readonly mailboxes: Pick<Mailboxes, 'status' | 'rows'>; readonly content: ContentStore };
}

/** A mailbox by its ID, or as the caller knows it. */
type Named = { readonly id: Id } & MailboxName;

export class MailboxEvents {
  readonly #hooks: Hooks;
  readonly #store: EventServices['store'];

  constructor({ hooks, store }: EventServices) {
    this.#hooks = hooks;
    this.#store = store;
  }

  appended(account: Account, mailbox: Id, uids: readonly number[]): void {
    if (!this.#hooks.has('message_appended') || uids.length === 0) return;
    void this.#tell(mailbox, (name) =>
      this.#hooks.run('message_appended', { account, mailbox: name, messages: this.#messages(mailbox, uids) }),
    );
  }

  /** `uids`: in the target. */
  moved(hook: 'message_moved' | 'message_copied', account: Account, from: Named, target: Named, uids: number[]): void {
    if (!this.#hooks.has(hook) || uids.length === 0) return;
    void this.#hooks.run(hook, {
      account,
      mailbox: nameOf(target),
      from: nameOf(from),
      messages: this.#messages(target.id, uids),
    });
  }

  deleted(account: Account, mailbox: Named, uids: readonly number[]): void {
    if (!this.#hooks.has('message_deleted') || uids.length === 0) return;
    void this.#hooks.run('message_deleted', { account, mailbox: nameOf(mailbox), uids });
  }

  async #tell(mailbox: Id, run: (name: MailboxName) => Promise<unknown>): Promise<void> {
    try {
      await run(nameOf(await this.#store.mailboxes.status(mailbox)));
    } catch {
      // The mailbox is gone, or the store is away and says so itself: there is nothing to tell about.
    }
  }

  #messages(mailbox: Id, uids: readonly number[]): readonly MailboxMessage[] {
    return uids.map((uid) => ({ uid, read: () => this.#read(mailbox, uid) }));
  }

  async *#read(mailbox: Id, uid: number): AsyncIterable<Buffer> {
    for await (const rows of this.#store.mailboxes.rows(mailbox, [[uid, uid]], {}))
      for (const { prefix, content, size } of rows) {
        if (prefix !== '') yield Buffer.from(prefix);
        yield* this.#store.content.stream(content, 0, size - Buffer.byteLength(prefix));
      }
  }
}

const nameOf = ({ name, specialUse }: MailboxName): MailboxName => ({ name, specialUse });
