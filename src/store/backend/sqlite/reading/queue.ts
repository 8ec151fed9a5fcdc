/** The queue as postqueue -p shows it. */
import type { ReaderCalls } from '../calls.ts';
import { type ItemColumns, SELECT_ITEM, sliceCondition, toItem } from '../item-row.ts';
import type { Reading } from './connection.ts';

const PAGE = 500;

export function listItems(r: Reading, a: ReaderCalls['listItems']['args']): ReaderCalls['listItems']['result'] {
  const { where, values } = sliceCondition(a);
  const items = r.db
    .all<ItemColumns>(`${SELECT_ITEM} WHERE ${where} ORDER BY i.id LIMIT ${PAGE}`, ...values)
    .map(toItem);
  const last = items.at(-1);
  return { items, next: items.length === PAGE && last !== undefined ? Number(last.id) : null };
}
