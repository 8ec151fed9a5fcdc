/** Messages in mailboxes, as plugins read them (`server.messages`). */
import type { Address } from '../mail/address.ts';
import { messageOctets } from '../store/message-octets.ts';
import type { Store } from '../store/store.ts';

/** A message: of `message_appended`, for instance. */
export interface MessagePlace {
  readonly account: Address;
  readonly mailbox: string;
  readonly uid: number;
}

export interface Messages {
  /** Its octets in pieces, with the lines that delivery put above it; none if it is not there. */
  read(place: MessagePlace): AsyncIterable<Buffer>;
}

export const messagesOf = (store: () => Pick<Store, 'directory' | 'mailboxes' | 'content'>): Messages => ({
  async *read({ account, mailbox, uid }) {
    const { directory, mailboxes, content } = store();
    const owner = await directory.find(account);
    const found = owner === null ? null : await mailboxes.find(owner.id, mailbox);
    if (found === null) return;
    for await (const rows of mailboxes.rows(found.id, [[uid, uid]], {}))
      for (const row of rows) yield* messageOctets(content, row);
  },
});
