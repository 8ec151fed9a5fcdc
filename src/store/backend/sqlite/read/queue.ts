/** The queue as postqueue -p shows it, and when it wants to be looked at again. */
import type { ReaderCalls } from '../calls.ts';
import { type ItemColumns, SELECT_ITEM, sliceCondition, toItem } from '../item-row.ts';
import type { Reading } from './reading.ts';

const PAGE = 500;

export function nextDue(r: Reading): number | null {
  let next: number | null = null;
  for (const state of [0, 1]) {
    const row = r.db.get<{ due_at: number }>(
      'SELECT due_at FROM item INDEXED BY item_due WHERE lease = 0 AND state < 2 AND state = ? ORDER BY due_at LIMIT 1',
      state,
    );
    if (row !== undefined) next = next === null ? row.due_at : Math.min(next, row.due_at);
  }
  return next;
}

export function listItems(r: Reading, a: ReaderCalls['listItems']['args']): ReaderCalls['listItems']['result'] {
  const { where, values } = sliceCondition(a);
  const items = r.db.all<ItemColumns>(`${SELECT_ITEM} WHERE ${where} ORDER BY i.id LIMIT ${PAGE}`, ...values).map(toItem);
  const last = items.at(-1);
  return { items, next: items.length === PAGE && last !== undefined ? Number(last.id) : null };
}
