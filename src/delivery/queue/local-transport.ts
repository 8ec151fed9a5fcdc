/**
 * Deferred local delivery: queue items for local mailboxes (released from hold, success notification requested, a
 * mailbox that was full). The store makes it idempotent by queue ID and mailbox, so an attempt repeated after a crash
 * delivers once.
 */
import type { Hooks } from '../../bus/hook.ts';
import type { MailboxEvents } from '../../bus/mailbox-events.ts';
import type { Address } from '../../mail/address.ts';
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
  readonly events: Pick<MailboxEvents, 'delivered'>;
  /** Durable when it resolves; a Reply says why it was not accepted. */
  forward(item: QueueItem, to: readonly Address[]): Promise<Reply | null>;
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
  const prepared = await prepareDelivery(account, recipient, context);
  const refusedBy = (answer: Reply): Attempt =>
    unanimous([item], isPermanent(answer) ? 'bounced' : 'deferred', answer, agent);
  if (isReply(prepared)) return refusedBy(prepared);
  const { rows, forward, dropped } = prepared;
  try {
    if (rows.length > 0) {
      const { appended } = await store.deliver(item.content, item.queueId, rows);
      for (const [at, where] of appended.entries()) {
        const row = rows[at];
        if (row !== undefined) options.events.delivered(account, row.mailbox, where);
      }
    }
    // After the mailbox, which may be full for days: each attempt would forward it again.
    const refused = await options.forward(item, forward);
    if (refused !== null) return refusedBy(refused);
    const answer = dropped === null ? DELIVERED : reply(250, '2.0.0', `discarded: ${dropped}`);
    return unanimous([item], 'sent', answer, agent);
  } catch (error) {
    if (error instanceof MailboxError) return refusedBy(mailboxReply(error));
    if (error instanceof StoreFullError) return refusedBy(STORE_FULL);
    throw error;
  }
}
