/** Forwards a message of the queue to other addresses: what a plugin asks for at the hook `deliver`. */
import type { Address } from '../../mail/address.ts';
import { isSuccess, type Reply } from '../../mail/status.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type AgainServices, acceptAgain } from './accept-again.ts';

/** Durable when it resolves with null; a Reply says why it was not accepted. Rejects if the store fails. */
export async function forwardItem(
  services: AgainServices,
  item: QueueItem,
  to: readonly Address[],
): Promise<Reply | null> {
  if (to.length === 0) return null;
  const { original, notify, orcpt } = item;
  const recipients = to.map((address) => ({ address, original, notify, orcpt }));
  const { answer } = await acceptAgain(services, item, recipients);
  return isSuccess(answer) ? null : answer;
}
