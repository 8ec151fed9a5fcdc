/**
 * Accepts a message in one transaction: its content, a row in each local mailbox and an item for each other recipient.
 *
 * Idempotent by queue ID: content records what its acceptance appended, and a repeated one gets the same answer.
 */

import { indexMessage } from '../../../../protocol/mime/indexer.ts';
import { MailboxError } from '../../../mailboxes.ts';
import { emptyStates, type PackedStates, pushState } from '../../flags.ts';
import { toColumns } from '../../index-columns.ts';
import type { AcceptArgs, AcceptResult, DeliveryArgs, WriterCalls } from '../calls.ts';
import { insertRow, nextPlace, type Place, type Target, usedOctets } from './append.ts';
import { storeContent } from './content.ts';
import { canonicalKeywords } from './keywords.ts';
import { makeMailbox } from './mailboxes.ts';
import type { Writing } from './writing.ts';

type Appended = [mailbox: number, uid: number, uidValidity: number];

export function accept(w: Writing, a: AcceptArgs): WriterCalls['accept']['result'] {
  const known = w.db.get<{ id: number; appended: string; messageId: string }>(
    'SELECT id, appended, message_id AS messageId FROM content WHERE queue_id = ?',
    a.queueId,
  );
  if (known !== undefined) {
    const { id, appended, messageId } = known;
    return { content: id, appended: JSON.parse(appended) as Appended[], messageId };
  }

  const index = a.index ?? toColumns(indexMessage(a.bytes ?? new Uint8Array(0)));
  const rows = assignPlaces(w, a.size, a.deliveries, a.arrivedAt);
  const appended = rows.map(toAppended);
  const content = storeContent(w, a, index, {
    refs: a.deliveries.length + a.items.length,
    local: a.deliveries.length > 0,
    appended: JSON.stringify(appended),
  });
  insertRows(w, { id: content, sentAt: index.sentAt }, rows);
  insertItems(w, content, a);
  return { content, appended, messageId: index.messageId };
}

/** Late local delivery of a queue item. What was already appended for the same recipient is not appended again. */
export function deliver(
  w: Writing,
  a: {
    readonly content: number;
    readonly queueId: string;
    readonly now: number;
    readonly deliveries: readonly DeliveryArgs[];
  },
): AcceptResult {
  const content = w.db.get<{ size: number; sent_at: number | null }>(
    'SELECT size, sent_at FROM content WHERE id = ? AND queue_id = ? AND refs > 0',
    a.content,
    a.queueId,
  );
  if (content === undefined) throw new Error(`content ${a.content} of ${a.queueId} is no longer in the store`);
  const appended: Appended[] = [];
  let fresh = 0;
  for (const delivery of a.deliveries) {
    const target = typeof delivery.mailbox === 'number' ? `#${delivery.mailbox}` : delivery.mailbox;
    const before = w.db.get<{ mailbox: number; uid: number; uid_validity: number }>(
      'SELECT mailbox, uid, uid_validity FROM delivered WHERE content = ? AND account = ? AND target = ? AND prefix = ?',
      a.content,
      delivery.account,
      target,
      delivery.prefix,
    );
    if (before !== undefined) {
      appended.push([before.mailbox, before.uid, before.uid_validity]);
      continue;
    }
    const rows = assignPlaces(w, content.size, [delivery], a.now);
    insertRows(w, { id: a.content, sentAt: content.sent_at }, rows);
    const [row] = rows.map(toAppended);
    if (row === undefined) continue;
    w.db.run(
      'INSERT INTO delivered VALUES (?, ?, ?, ?, ?, ?, ?)',
      a.content,
      delivery.account,
      target,
      delivery.prefix,
      ...row,
    );
    appended.push(row);
    fresh += 1;
  }
  if (fresh > 0) w.db.run('UPDATE content SET refs = refs + ?, local = 1 WHERE id = ?', fresh, a.content);
  return { content: a.content, appended };
}

function insertItems(w: Writing, content: number, a: AcceptArgs): void {
  for (const item of a.items) {
    w.db.run(
      'INSERT INTO item (content, recipient, original, notify, orcpt, sender, client, verp, reports, destination, state, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      content,
      item.recipient,
      item.original,
      item.notify,
      item.orcpt,
      item.sender,
      item.client,
      item.verp,
      item.reports,
      item.destination,
      item.state,
      a.arrivedAt,
    );
  }
}

/** A row of a mailbox that has its UID already. */
interface Assigned {
  readonly target: Target;
  readonly place: Place;
  readonly keywords: string;
  readonly size: number;
  readonly delivery: DeliveryArgs;
}

const toAppended = ({ target, place }: Assigned): Appended => [target.id, place.uid, place.uidValidity];

/**
 * UIDs come before the content: its row says where the message was appended, and is written once. `size`: of the
 * content.
 */
function assignPlaces(w: Writing, size: number, deliveries: readonly DeliveryArgs[], now: number): Assigned[] {
  return deliveries.map((delivery) => {
    const target = findTarget(w, delivery, now);
    const octets = size + Buffer.byteLength(delivery.prefix);
    if (target.quota > 0 && usedOctets(w, target.account) + octets > target.quota) {
      throw new MailboxError('overquota', 'the mailbox is full: the account has reached its quota');
    }
    const keywords = delivery.keywords.length === 0 ? '' : canonicalKeywords(w, target.id, delivery.keywords).join(' ');
    const place = nextPlace(w, target.id, [{ mask: delivery.mask, size: octets }]);
    return { target, place, keywords, size: octets, delivery };
  });
}

/** Reports one change per mailbox, however many rows it got. */
function insertRows(
  w: Writing,
  content: { readonly id: number; readonly sentAt: number | null },
  rows: readonly Assigned[],
): void {
  const told = new Map<number, { account: number; states: PackedStates }>();
  for (const { target, place, keywords, size, delivery } of rows) {
    const { mask, internalDate, prefix } = delivery;
    const { sentAt } = content;
    insertRow(w, target.id, place, { mask, keywords, internalDate, size, sentAt, content: content.id, prefix });
    let change = told.get(target.id);
    if (change === undefined) {
      change = { account: target.account, states: emptyStates() };
      told.set(target.id, change);
    }
    pushState(change.states, place.uid, place.modseq, mask, keywords);
  }
  for (const [mailbox, { account, states }] of told) w.tell({ kind: 'append', account, mailbox, states });
}

function findTarget(w: Writing, delivery: DeliveryArgs, now: number): Target {
  if (typeof delivery.mailbox === 'number') {
    const target = w.db.get<Target>(
      'SELECT m.id, m.account, a.quota FROM mailbox m JOIN account a ON a.id = m.account WHERE m.id = ? AND m.account = ?',
      delivery.mailbox,
      delivery.account,
    );
    if (target === undefined) throw new MailboxError('nonexistent', 'the mailbox no longer exists');
    return target;
  }
  const target = w.db.get<Target>(
    'SELECT m.id, m.account, a.quota FROM mailbox m JOIN account a ON a.id = m.account WHERE m.account = ? AND m.name = ?',
    delivery.account,
    delivery.mailbox,
  );
  if (target !== undefined) return target;
  const account = w.db.get<{ quota: number }>('SELECT quota FROM account WHERE id = ?', delivery.account);
  if (account === undefined) throw new MailboxError('nonexistent', 'the account no longer exists');
  const made = makeMailbox(w, delivery.account, delivery.mailbox, '', now);
  return { id: made, account: delivery.account, quota: account.quota };
}
