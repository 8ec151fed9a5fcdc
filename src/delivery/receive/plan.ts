/**
 * Turns routed recipients into one acceptance: rows for local accounts, queue items for the rest.
 *
 * Local mail is queued if it is held, if its sender requested a success notification (the runner sends it durably), or
 * if a plugin or a full mailbox refused it. A recipient without a destination becomes an item that the runner bounces
 * at once; it never blocks the others.
 */

import type { Account } from '../../mail/account.ts';
import { type Address, addressKey } from '../../mail/address.ts';
import type { Recipient } from '../../mail/envelope.ts';
import { isReply, type Reply } from '../../mail/status.ts';
import { verpSender } from '../../mail/verp.ts';
import type { QueueItemDraft } from '../../store/queue.ts';
import { type QueueExtras, queueExtras } from '../../store/queue-extras.ts';
import type { LocalDelivery } from '../../store/store.ts';
import { destinationOf, errorDestination, LOCAL_DESTINATION, type MailboxAgent, type Route } from '../route/router.ts';
import type { ExpandedRecipient, Expansion } from './expand.ts';
import { type DeliveryContext, prepareDelivery } from './mailbox-row.ts';

/** With what its item remembers. */
export type PlannedRecipient = ExpandedRecipient & QueueExtras;

export interface Plan {
  readonly deliveries: LocalDelivery[];
  /** Whose they are, in the same order. */
  readonly accounts: Account[];
  /** The recipients of `deliveries`, in the same order; each may have several. */
  readonly delivered: (PlannedRecipient & { readonly agent: MailboxAgent })[];
  readonly queued: QueueItemDraft[];
  /** Of `queued`, what is sent to other servers. */
  readonly outgoing: QueueItemDraft[];
  /** Addresses to which plugins forward it at delivery, with the recipient that they do it for. */
  readonly forwarded: { readonly recipient: PlannedRecipient; readonly address: Address }[];
  /** What becomes of those. */
  readonly forwards: Plan | null;
  /** Accepted and discarded, with the reason for the log. */
  readonly dropped: { readonly recipient: Recipient; readonly text: string }[];
}

export const emptyPlan = (): Plan => ({
  deliveries: [],
  accounts: [],
  delivered: [],
  queued: [],
  outgoing: [],
  forwarded: [],
  forwards: null,
  dropped: [],
});

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
  // What is reported on is delivered by the runner, which reports.
  const isDone = !hold && recipient.reports === undefined;
  if (isDone && route.kind === 'local') {
    await planLocal(plan, recipient, route, context);
  } else if (isDone && route.kind === 'discard') {
    plan.dropped.push({ recipient, text: route.text });
  } else {
    const item = queueItem(recipient, destinationOf(route), hold ? 'hold' : 'incoming');
    plan.queued.push(item);
    if (route.kind === 'remote') plan.outgoing.push(item);
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
  { account, agent }: Route & { kind: 'local' },
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
  for (const address of delivery.forward) plan.forwarded.push({ recipient, address });
  if (delivery.dropped !== null) {
    plan.dropped.push({ recipient, text: delivery.dropped });
    return;
  }
  plan.deliveries.push(...delivery.rows);
  plan.accounts.push(...delivery.rows.map(() => account));
  plan.delivered.push({ ...recipient, agent });
}

/**
 * Turns all local deliveries into queue items: one mailbox is full or deleted, and the others must not wait for it. What
 * was to be forwarded is forwarded when they are delivered.
 */
export function withoutDeliveries(plan: Plan): Plan {
  const queued = [
    ...plan.queued,
    ...plan.delivered.map((recipient) => queueItem(recipient, LOCAL_DESTINATION, 'incoming')),
  ];
  return { ...plan, deliveries: [], accounts: [], delivered: [], queued, forwards: null };
}

/** With what is forwarded. */
export function wholePlan(plan: Plan): Plan {
  const { forwards } = plan;
  if (forwards === null) return plan;
  return {
    deliveries: [...plan.deliveries, ...forwards.deliveries],
    accounts: [...plan.accounts, ...forwards.accounts],
    delivered: [...plan.delivered, ...forwards.delivered],
    queued: [...plan.queued, ...forwards.queued],
    outgoing: [...plan.outgoing, ...forwards.outgoing],
    dropped: [...plan.dropped, ...forwards.dropped],
    forwarded: [],
    forwards: null,
  };
}

/** A plugin has taken over what goes to other servers. */
export function withoutOutgoing(plan: Plan, answer: Reply | undefined): Plan {
  const taken = new Set(plan.outgoing);
  const text = answer?.text ?? 'taken over by a plugin';
  const dropped = plan.outgoing.map((item) => ({ recipient: recipientOf(item), text }));
  return {
    ...plan,
    queued: plan.queued.filter((item) => !taken.has(item)),
    outgoing: [],
    dropped: [...plan.dropped, ...dropped],
    forwards: plan.forwards === null ? null : withoutOutgoing(plan.forwards, answer),
  };
}

const recipientOf = ({ recipient, original, notify, orcpt }: QueueItemDraft): Recipient => ({
  address: recipient,
  original,
  notify,
  orcpt,
});

/** Recipients that are none any more. */
export function planRest(plan: Plan, { failed, dropped }: Pick<Expansion, 'failed' | 'dropped'>): void {
  // The item carries the reason, because a plugin that refused it after the message was accepted is not asked again.
  for (const { recipient, reply, isLocal } of failed)
    plan.queued.push(queueItem(recipient, errorDestination(reply, isLocal), 'incoming'));
  for (const recipient of dropped) plan.dropped.push({ recipient, text: 'alias to nobody' });
}
