/**
 * Mail whose local alias could not be expanded, because a file that it includes was not there: it is accepted once more,
 * for the members of the alias (Postfix: local(8), which forwards with a new queue ID). A crash between that and the
 * settlement of the item repeats it; nothing is lost.
 */
import { isPermanent, isSuccess, reply } from '../../mail/status.ts';
import type { ContentStore } from '../../store/content.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import type { MessageReceiver } from '../receive/message-receiver.ts';
import { makeTransaction } from '../receive/transaction.ts';

export interface ExpandAgainOptions {
  readonly content: Pick<ContentStore, 'stream'>;
  readonly receiver: Pick<MessageReceiver, 'beginInternal'>;
  readonly newQueueId: () => string;
}

/** Rejects if the store fails. */
export async function expandAgain(options: ExpandAgainOptions, item: QueueItem): Promise<Attempt> {
  const { reversePath, recipient: address, original, notify, orcpt, ret, envid, smtputf8, body } = item;
  const recipients = [{ address, original, notify, orcpt }];
  const envelope = { reversePath, recipients, ret, envid, smtputf8, body };
  const queueId = options.newQueueId();
  const transaction = makeTransaction(queueId, envelope);
  const intake = options.receiver.beginInternal({ connection: null, transaction, envelope, waited: true });
  try {
    for await (const octets of options.content.stream(item.content, 0, item.size)) await intake.write(octets);
  } catch (error) {
    intake.abort();
    throw error;
  }
  const answer = await intake.end();
  return isSuccess(answer)
    ? unanimous([item], 'sent', reply(250, '2.0.0', `forwarded as ${queueId}`), 'local')
    : unanimous([item], isPermanent(answer) ? 'bounced' : 'deferred', answer, 'local');
}
