/**
 * From routed recipients to one acceptance: rows for people of this house, queue items for the rest.
 *
 * What goes to the queue although it is local: held mail, mail whose sender asked for a success
 * notification (the runner sends it durably), and mail that a plugin or a full mailbox refused. What has
 * nowhere to go becomes an item that the runner bounces at once; it never blocks the others.
 */

import type { Account } from '../../mail/account.ts';
import { addressKey } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply } from '../../mail/status.ts';
import type { QueueItemDraft } from '../../store/queue.ts';
import type { LocalDelivery } from '../../store/store.ts';
import { destinationOf, ERROR_DESTINATION, LOCAL_DESTINATION, type Route } from '../route/router.ts';
import { type DeliveryContext, prepareDelivery } from './mailbox-row.ts';

export interface Plan {
  readonly deliveries: LocalDelivery[];
  /** Who gets `deliveries`, in their order. */
  readonly delivered: Recipient[];
  readonly queued: QueueItemDraft[];
  /** Accepted and dropped, with the reason for the log. */
  readonly dropped: { readonly recipient: Recipient; readonly text: string }[];
}

export const emptyPlan = (): Plan => ({ deliveries: [], delivered: [], queued: [], dropped: [] });

const queueItem = (recipient: Recipient, destination: string, state: QueueItemDraft['state']): QueueItemDraft => ({
  recipient: recipient.address,
  original: recipient.original,
  notify: recipient.notify,
  orcpt: recipient.orcpt,
  destination,
  state,
});

/** Adds one recipient. */
export async function planRecipient(
  plan: Plan,
  recipient: Recipient,
  route: Route,
  hold: boolean,
  context: DeliveryContext,
): Promise<void> {
  if (hold) {
    plan.queued.push(queueItem(recipient, destinationOf(route), 'hold'));
  } else if (route.kind === 'local') {
    await planLocal(plan, recipient, route.account, context);
  } else if (route.kind === 'discard') {
    plan.dropped.push({ recipient, text: route.text });
  } else {
    plan.queued.push(queueItem(recipient, destinationOf(route), 'incoming'));
  }
}

async function planLocal(plan: Plan, recipient: Recipient, account: Account, context: DeliveryContext): Promise<void> {
  if (recipient.notify.includes('SUCCESS')) {
    plan.queued.push(queueItem(recipient, LOCAL_DESTINATION, 'incoming'));
    return;
  }
  // Two addresses of one person are one copy.
  if (plan.deliveries.some((delivery) => delivery.account === account.id)) {
    plan.dropped.push({ recipient, text: `same mailbox as <${addressKey(account.address)}>` });
    return;
  }
  const prepared = prepareDelivery(account, recipient, context);
  const delivery = prepared instanceof Promise ? await prepared : prepared;
  if (isReply(delivery)) {
    plan.queued.push(queueItem(recipient, LOCAL_DESTINATION, 'incoming'));
    return;
  }
  plan.deliveries.push(delivery);
  plan.delivered.push(recipient);
}

/** All local deliveries become queue items: one mailbox is full or gone, and the others must not wait for it. */
export function withoutDeliveries(plan: Plan): Plan {
  const queued = [
    ...plan.queued,
    ...plan.delivered.map((recipient) => queueItem(recipient, LOCAL_DESTINATION, 'incoming')),
  ];
  return { deliveries: [], delivered: [], queued, dropped: plan.dropped };
}

/**
 * A recipient that a plugin refused after the message was taken: the item carries the reason, for nobody will ask
 * again.
 */
export function planFailure(plan: Plan, recipient: Recipient, refused: Reply): void {
  plan.queued.push(
    queueItem(
      recipient,
      `${ERROR_DESTINATION}:${refused.enhanced === '' ? '5.0.0' : refused.enhanced} ${refused.text}`,
      'incoming',
    ),
  );
}
