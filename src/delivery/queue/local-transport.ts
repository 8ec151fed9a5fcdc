/**
 * Deferred local delivery: queue items for local mailboxes (released from hold, success notification requested, a
 * mailbox that was full). The store makes it idempotent by queue ID and mailbox, so an attempt repeated after a crash
 * delivers once.
 */
import type { Hooks } from '../../bus/hook.ts';
import { isPermanent, isReply, type Reply, reply } from '../../mail/status.ts';
import { type Header, MAX_HEADER_SIZE, parseHeader } from '../../protocol/mime/header.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Store, StoreFullError } from '../../store/store.ts';
import { readHeaderOctets } from '../../store/stored-header.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import { mailboxReply, prepareDelivery, STORE_FULL } from '../receive/mailbox-row.ts';
import type { Route } from '../route/router.ts';

const DELIVERED = reply(250, '2.0.0', 'delivered to mailbox');

export interface LocalOptions {
  readonly store: Pick<Store, 'content' | 'deliver'>;
  readonly hooks: Hooks;
  /** enable_original_recipient */
  readonly namesOriginal: boolean;
}

/** Delivers one item. Rejects with the backend's error: the item stays leased until the runner releases it. */
export async function deliverLocally(
  options: LocalOptions,
  { account, agent }: Route & { kind: 'local' },
  item: QueueItem,
): Promise<Attempt> {
  const { store, hooks, namesOriginal } = options;
  const recipient = { address: item.recipient, original: item.original, notify: item.notify, orcpt: item.orcpt };
  const header = async (): Promise<Header> =>
    parseHeader(await readHeaderOctets(store.content, item.content, item.size, MAX_HEADER_SIZE));
  const context = { hooks, reversePath: item.reversePath, arrivedAt: item.arrivedAt, namesOriginal, header };
  const delivery = await prepareDelivery(account, recipient, context);
  const refusedBy = (answer: Reply): Attempt =>
    unanimous([item], isPermanent(answer) ? 'bounced' : 'deferred', answer, agent);
  if (isReply(delivery)) return refusedBy(delivery);
  try {
    await store.deliver(item.content, item.queueId, [delivery]);
    return unanimous([item], 'sent', DELIVERED, agent);
  } catch (error) {
    if (error instanceof MailboxError) return refusedBy(mailboxReply(error));
    if (error instanceof StoreFullError) return refusedBy(STORE_FULL);
    throw error;
  }
}
