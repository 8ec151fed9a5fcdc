/**
 * Turns routed recipients into one acceptance: rows for local accounts, queue items for the rest.
 *
 * Local mail is queued if it is held, if its sender requested a success notification (the runner sends it durably), or
 * if a plugin or a full mailbox refused it. A recipient without a destination becomes an item that the runner bounces
 * at once; it never blocks the others.
 */

import type { Account } from '../../mail/account.ts';
import { addressKey } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply } from '../../mail/status.ts';
import { verpSender } from '../../mail/verp.ts';
import type { QueueItemDraft } from '../../store/queue.ts';
import { type QueueExtras, queueExtras } from '../../store/queue-extras.ts';
import type { LocalDelivery } from '../../store/store.ts';
import { destinationOf, errorDestination, LOCAL_DESTINATION, type Route } from '../route/router.ts';
import type { ExpandedRecipient, FailedRecipient } from './expand.ts';
import { type DeliveryContext, prepareDelivery } from './mailbox-row.ts';

/** With what its item remembers. */
export type PlannedRecipient = ExpandedRecipient & QueueExtras;

export interface Plan {
  readonly deliveries: LocalDelivery[];
  /** The recipients of `deliveries`, in the same order. */
  readonly delivered: PlannedRecipient[];
  readonly queued: QueueItemDraft[];
  /** Accepted and discarded, with the reason for the log. */
  readonly dropped: { readonly recipient: Recipient; readonly text: string }[];
}

export const emptyPlan = (): Plan => ({ deliveries: [], delivered: [], queued: [], dropped: [] });

const queueItem = (
  recipient: PlannedRecipient,
  destination: string,
  state: QueueItemDraft['state'],
): QueueItemDraft => ({
  recipient: recipient.address,
  original: recipient.original,
  notify: recipient.notify,
  orcpt: recipient.orcpt,
  ...(recipient.sender === undefined ? {} : { sender: recipient.sender }),
  ...queueExtras(recipient),
  destination,
  state,
});

/** Adds one recipient. */
export async function planRecipient(
  plan: Plan,
  recipient: PlannedRecipient,
  route: Route,
  hold: boolean,
  context: DeliveryContext,
): Promise<void> {
  if (hold) {
    plan.queued.push(queueItem(recipient, destinationOf(route), 'hold'));
  } else if (route.kind === 'local' && recipient.reports === undefined) {
    await planLocal(plan, recipient, route.account, context);
  } else if (route.kind === 'discard' && recipient.reports === undefined) {
    plan.dropped.push({ recipient, text: route.text });
  } else {
    plan.queued.push(queueItem(recipient, destinationOf(route), 'incoming'));
  }
}

/** Of this recipient's copy. */
function senderFor({ sender, verp, original, address }: PlannedRecipient, reversePath: string): string {
  if (verp !== undefined) return verpSender(reversePath, original || address, verp);
  return sender ?? reversePath;
}

async function planLocal(
  plan: Plan,
  recipient: PlannedRecipient,
  account: Account,
  context: DeliveryContext,
): Promise<void> {
  if (recipient.notify.includes('SUCCESS')) {
    plan.queued.push(queueItem(recipient, LOCAL_DESTINATION, 'incoming'));
    return;
  }
  // Two addresses of one account get one copy.
  if (plan.deliveries.some((delivery) => delivery.account === account.id)) {
    plan.dropped.push({ recipient, text: `same mailbox as <${addressKey(account.address)}>` });
    return;
  }
  const prepared = prepareDelivery(account, recipient, {
    ...context,
    reversePath: senderFor(recipient, context.reversePath),
  });
  const delivery = prepared instanceof Promise ? await prepared : prepared;
  if (isReply(delivery)) {
    plan.queued.push(queueItem(recipient, LOCAL_DESTINATION, 'incoming'));
    return;
  }
  plan.deliveries.push(delivery);
  plan.delivered.push(recipient);
}

/** Turns all local deliveries into queue items: one mailbox is full or deleted, and the others must not wait for it. */
export function withoutDeliveries(plan: Plan): Plan {
  const queued = [
    ...plan.queued,
    ...plan.delivered.map((recipient) => queueItem(recipient, LOCAL_DESTINATION, 'incoming')),
  ];
  return { deliveries: [], delivered: [], queued, dropped: plan.dropped };
}

/**
 * A recipient refused by a plugin after the message was accepted: the item carries the reason, because it will not be
 * asked again.
 */
export function planFailure(plan: Plan, { recipient, reply, isLocal }: FailedRecipient): void {
  plan.queued.push(queueItem(recipient, errorDestination(reply, isLocal), 'incoming'));
}
