/** The queue items of a content as they were in another store (store/transfer.ts). */
import type { PutItem, WriterCalls } from '../calls.ts';
import type { ItemColumns } from '../item-row.ts';
import type { Writing } from './writing.ts';

export function putItems(w: Writing, { content, items }: WriterCalls['putItems']['args']): null {
  const present = w.db.all<ItemColumns>('SELECT * FROM item WHERE content = ?', content).map(toItem);
  if (isSame(present, items)) return null;
  w.db.run('DELETE FROM item WHERE content = ?', content);
  for (const item of items) {
    w.db.run(
      `INSERT INTO item (content, recipient, original, notify, orcpt, sender, client, verp, reports, destination, state, due_at, attempts, warned, last_reply)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      item.dueAt,
      item.attempts,
      item.warned,
      item.lastReply,
    );
  }
  const more = items.length - present.length;
  if (w.db.run('UPDATE content SET refs = max(refs, 0) + ? WHERE id = ?', more, content) === 0)
    throw new Error('the content of these queue items is no longer in the store');
  return null;
}

const toItem = (row: ItemColumns): PutItem => ({
  recipient: row.recipient,
  original: row.original,
  notify: row.notify,
  orcpt: row.orcpt,
  sender: row.sender,
  client: row.client,
  verp: row.verp,
  reports: row.reports,
  destination: row.destination,
  state: row.state,
  dueAt: row.due_at,
  attempts: row.attempts,
  warned: row.warned,
  lastReply: row.last_reply,
});

/** In any order. */
function isSame(some: readonly PutItem[], others: readonly PutItem[]): boolean {
  const texts = (items: readonly PutItem[]): string =>
    items
      .map((item) => JSON.stringify(item))
      .sort()
      .join('\n');
  return texts(some) === texts(others);
}
