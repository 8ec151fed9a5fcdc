/**
 * Late local delivery: queue items whose recipient is of this house (released from hold, success
 * notifications wanted, a mailbox that was full). The store makes it idempotent by queue ID and
 * mailbox, so an attempt that is repeated after a crash delivers once.
 */
import type { Hooks } from '../../bus/hook.ts';
import type { Account } from '../../mail/account.ts';
import { isPermanent, reply } from '../../mail/status.ts';
import { type Header, MAX_HEADER_SIZE, parseHeader } from '../../protocol/mime/header.ts';
import { MailboxError } from '../../store/mailboxes.ts';
import type { QueueItem } from '../../store/queue.ts';
import { type Store, StoreFullError } from '../../store/store.ts';
import { type Attempt, unanimous } from '../outcome.ts';
import { isReply, prepareDelivery } from '../receive/mailbox-row.ts';

const BLANK_LINE = Buffer.from('\r\n\r\n');
const DELIVERED = reply(250, '2.0.0', 'delivered to mailbox');

export interface LocalOptions {
  readonly store: Pick<Store, 'content' | 'deliver'>;
  readonly hooks: Hooks;
}

async function readHeader(store: Pick<Store, 'content'>, item: QueueItem): Promise<Header> {
  const octets = await store.content.read(item.content, 0, Math.min(item.size, MAX_HEADER_SIZE));
  const end = octets.indexOf(BLANK_LINE);
  return parseHeader(end < 0 ? octets : octets.subarray(0, end + 2));
}

/** Delivers one item. Rejects with the backend's error: the item stays leased and is released by the runner. */
export async function deliverLocally(options: LocalOptions, account: Account, item: QueueItem): Promise<Attempt> {
  const { store, hooks } = options;
  const recipient = { address: item.recipient, original: item.original, notify: item.notify, orcpt: item.orcpt };
  const context = { hooks, reversePath: item.reversePath, arrivedAt: item.arrivedAt, header: () => readHeader(store, item) };
  const delivery = await prepareDelivery(account, recipient, context);
  if (isReply(delivery)) return unanimous([item], isPermanent(delivery) ? 'bounced' : 'deferred', delivery, 'local');
  try {
    await store.deliver(item.content, item.queueId, [delivery]);
    return unanimous([item], 'sent', DELIVERED, 'local');
  } catch (fault) {
    if (fault instanceof MailboxError) return unanimous([item], fault.reason === 'overquota' ? 'bounced' : 'deferred', mailboxReply(fault), 'local');
    if (fault instanceof StoreFullError) return unanimous([item], 'deferred', reply(452, '4.3.1', 'Insufficient system storage'), 'local');
    throw fault;
  }
}

const mailboxReply = (fault: MailboxError): ReturnType<typeof reply> =>
  fault.reason === 'overquota' ? reply(552, '5.2.2', 'Quota exceeded (mailbox for user is full)') : reply(450, '4.2.0', fault.message);
