/**
 * Forwards a message of the queue to other addresses, as a message of its own with the same reverse-path: what a plugin
 * asks for at the hook `deliver`. After a crash it may be forwarded twice.
 */
import type { Address } from '../../mail/address.ts';
import { isSuccess, type Reply } from '../../mail/status.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import type { MessageReceiver } from '../receive/message-receiver.ts';
import { makeTransaction } from '../receive/transaction.ts';

export interface ForwardServices {
  readonly content: Pick<ContentStore, 'stream'>;
  readonly receiver: Pick<MessageReceiver, 'beginInternal'>;
  readonly newQueueId: () => string;
}

/** Durable when it resolves with null; a Reply says why it was not accepted. Rejects if the store fails. */
export async function forwardItem(
  { content, receiver, newQueueId }: ForwardServices,
  item: QueueItem,
  to: readonly Address[],
): Promise<Reply | null> {
  if (to.length === 0) return null;
  const recipients = to.map((address) => ({
    address,
    original: item.original,
    notify: item.notify,
    orcpt: item.orcpt,
  }));
  const { reversePath, ret, envid, smtputf8, body } = item;
  const envelope = { reversePath, recipients, ret, envid, smtputf8, body };
  const intake = receiver.beginInternal({
    connection: null,
    transaction: makeTransaction(newQueueId(), envelope),
    envelope,
  });
  try {
    for await (const piece of content.stream(item.content, 0, item.size)) await intake.write(piece);
  } catch (error) {
    intake.abort();
    throw error;
  }
  const answer = await intake.end();
  return isSuccess(answer) ? null : answer;
}
