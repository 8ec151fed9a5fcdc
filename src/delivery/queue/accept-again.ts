/**
 * Accepts a message of the queue once more, as one of its own with the same reverse-path, for other recipients. A crash
 * between that and the settlement of the item repeats it; nothing is lost.
 */
import type { Recipient } from '../../mail/envelope.ts';
import type { Reply } from '../../mail/status.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import type { MessageReceiver } from '../receive/message-receiver.ts';
import type { Incoming } from '../receive/receiver.ts';
import { makeTransaction } from '../receive/transaction.ts';

export interface AgainServices {
  readonly content: Pick<ContentStore, 'stream'>;
  readonly receiver: Pick<MessageReceiver, 'beginInternal'>;
  readonly newQueueId: () => string;
}

/** Durable when it resolves with a 2xx reply. Rejects if the store fails. */
export async function acceptAgain(
  { content, receiver, newQueueId }: AgainServices,
  item: QueueItem,
  recipients: readonly Recipient[],
  more: Pick<Incoming, 'waited'> = {},
): Promise<{ readonly queueId: string; readonly answer: Reply }> {
  const { reversePath, ret, envid, smtputf8, body } = item;
  const envelope = { reversePath, recipients, ret, envid, smtputf8, body };
  const queueId = newQueueId();
  const transaction = makeTransaction(queueId, envelope);
  const intake = receiver.beginInternal({ connection: null, transaction, envelope, again: true, ...more });
  try {
    for await (const octets of content.stream(item.content, 0, item.size)) await intake.write(octets);
  } catch (error) {
    intake.abort();
    throw error;
  }
  return { queueId, answer: await intake.end() };
}
