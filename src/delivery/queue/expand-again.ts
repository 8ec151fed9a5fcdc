/**
 * Mail whose local alias could not be expanded, because a file that it includes was not there: it is accepted once more,
 * for the members of the alias (Postfix: local(8), which forwards with a new queue ID).
 */
import { isPermanent, isSuccess, reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import { type AgainServices, acceptAgain } from './accept-again.ts';

/** Rejects if the store fails. */
export async function expandAgain(services: AgainServices, item: QueueItem): Promise<Attempt> {
  const { recipient: address, original, notify, orcpt } = item;
  const recipients = [{ address, original, notify, orcpt }];
  const { queueId, answer } = await acceptAgain(services, item, recipients, { waited: true });
  return isSuccess(answer)
    ? unanimous([item], 'sent', reply(250, '2.0.0', `forwarded as ${queueId}`), 'local')
    : unanimous([item], isPermanent(answer) ? 'bounced' : 'deferred', answer, 'local');
}
