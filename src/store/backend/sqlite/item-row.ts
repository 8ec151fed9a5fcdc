/** A row of `item` with the columns of its message, as a QueueItem. */
import type { ClientOrigin } from '../../../mail/client-origin.ts';
import type { Notify } from '../../../mail/envelope.ts';
import type { Reply } from '../../../mail/status.ts';
import type { QueueItem } from '../../queue.ts';
import type { QueueExtras } from '../../queue-extras.ts';
import { type ItemSlice, QUEUE_STATES } from './calls.ts';
import type { Value } from './database.ts';

export interface ItemColumns {
  readonly id: number;
  readonly content: number;
  readonly recipient: string;
  readonly original: string;
  readonly notify: string;
  readonly orcpt: string;
  readonly sender: string | null;
  readonly client: string | null;
  readonly verp: string | null;
  readonly reports: number | null;
  readonly destination: string;
  readonly state: number;
  readonly due_at: number;
  readonly attempts: number;
  readonly warned: number;
  readonly last_reply: string | null;
  readonly lease: number;
  readonly queue_id: string;
  readonly size: number;
  readonly reverse_path: string;
  readonly ret: QueueItem['ret'];
  readonly envid: string;
  readonly smtputf8: number;
  readonly body: QueueItem['body'];
  readonly arrived_at: number;
}

export const SELECT_ITEM =
  'SELECT i.*, c.queue_id, c.size, coalesce(i.sender, c.reverse_path) AS reverse_path, c.ret, c.envid, c.smtputf8, c.body, c.arrived_at FROM item i JOIN content c ON c.id = i.content';

export function toItem(row: ItemColumns): QueueItem {
  return {
    id: row.id,
    queueId: row.queue_id,
    content: row.content,
    size: row.size,
    recipient: row.recipient,
    original: row.original,
    notify: row.notify === '' ? [] : (row.notify.split(',') as Notify[]),
    orcpt: row.orcpt,
    ...(row.client === null ? {} : { client: JSON.parse(row.client) as ClientOrigin }),
    ...(row.verp === null ? {} : { verp: row.verp }),
    ...(row.reports === null ? {} : { reports: true as const }),
    destination: row.destination,
    state: QUEUE_STATES[row.state] ?? 'hold',
    reversePath: row.reverse_path,
    ret: row.ret,
    envid: row.envid,
    smtputf8: row.smtputf8 === 1,
    body: row.body,
    arrivedAt: row.arrived_at,
    dueAt: row.due_at,
    attempts: row.attempts,
    warned: row.warned === 1,
    lastReply: row.last_reply === null ? null : (JSON.parse(row.last_reply) as Reply),
    active: row.lease > 0,
  };
}

/** The columns that are NULL for most items. */
export const someColumns = ({
  client,
  verp,
  reports,
}: QueueExtras): Pick<ItemColumns, 'client' | 'verp' | 'reports'> => ({
  client: client === undefined ? null : JSON.stringify(client),
  verp: verp ?? null,
  reports: reports === undefined ? null : 1,
});

/** The WHERE clause of a filter: items after the given one, ordered by id. */
export function sliceCondition(a: ItemSlice): { readonly where: string; readonly values: readonly Value[] } {
  const terms = ['i.id > ?'];
  const values: Value[] = [a.after];
  if (a.queueIds !== undefined) {
    terms.push('i.content IN (SELECT id FROM content WHERE queue_id IN (SELECT value FROM json_each(?)))');
    values.push(JSON.stringify(a.queueIds));
  }
  if (a.destination !== undefined) {
    terms.push('i.destination = ?');
    values.push(a.destination);
  }
  if (a.state !== undefined) {
    terms.push('i.state = ?');
    values.push(a.state);
  }
  return { where: terms.join(' AND '), values };
}
