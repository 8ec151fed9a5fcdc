/**
 * Queue items: the commands of postqueue and postsuper, and the end of an attempt. Claims are in claim.ts.
 */
import type { ItemSlice, ItemSliceResult, WriterCalls } from '../calls.ts';
import { sliceCondition } from '../item-row.ts';
import { removeRows } from './content-references.ts';
import type { Writing } from './writing.ts';

/** Items changed in one transaction, so that a command on 100,000 items lets other requests run in between. */
const SLICE = 2000;

export function settle(w: Writing, settlements: WriterCalls['settle']['args']): null {
  for (const s of settlements) SETTLE[s.outcome](w, s);
  return null;
}

type Settled = WriterCalls['settle']['args'][number];

const SETTLE: Record<Settled['outcome'], (w: Writing, s: Settled) => void> = {
  done: (w, s) => removeItem(w, s.item),
  // An item that was put on hold during its delivery stays on hold.
  deferred: (w, s) => {
    w.db.run(
      `UPDATE item SET lease = 0, state = max(state, 1), attempts = attempts + 1, due_at = ?, last_reply = ?, warned = coalesce(?, warned) WHERE id = ?`,
      s.dueAt ?? 0,
      s.reply === undefined ? null : JSON.stringify(s.reply),
      s.warned === undefined ? null : Number(s.warned),
      s.item,
    );
  },
  released: (w, s) => {
    w.db.run('UPDATE item SET lease = 0 WHERE id = ?', s.item);
  },
};

export function flush(w: Writing, a: ItemSlice & { readonly now: number }): ItemSliceResult {
  return eachItem(w, a, 'AND i.state < 2', (id) => w.db.run('UPDATE item SET due_at = ? WHERE id = ?', a.now, id));
}

export function hold(w: Writing, a: ItemSlice): ItemSliceResult {
  return eachItem(w, a, 'AND i.state < 2', (id) => w.db.run('UPDATE item SET state = 2 WHERE id = ?', id));
}

/** Back to its state before the hold: fresh if it was never tried. */
export function release(w: Writing, a: ItemSlice & { readonly now: number }): ItemSliceResult {
  return eachItem(w, a, 'AND i.state = 2', (id) =>
    w.db.run('UPDATE item SET state = attempts > 0, due_at = ? WHERE id = ?', a.now, id),
  );
}

export function redirect(w: Writing, a: ItemSlice & { readonly to: string; readonly now: number }): ItemSliceResult {
  return eachItem(w, a, '', (id) =>
    w.db.run('UPDATE item SET destination = ?, due_at = ? WHERE id = ?', a.to, a.now, id),
  );
}

export function removeItems(w: Writing, a: ItemSlice): ItemSliceResult {
  return eachItem(w, a, '', (id) => removeItem(w, id));
}

/** No delivery survives the process that started it. */
export function recover(w: Writing): null {
  w.db.run('UPDATE item SET lease = 0 WHERE lease > 0');
  return null;
}

function removeItem(w: Writing, id: number): void {
  const item = w.db.get<{ content: number }>('DELETE FROM item WHERE id = ? RETURNING content', id);
  if (item !== undefined) removeRows(w, [item.content]);
}

function eachItem(w: Writing, a: ItemSlice, state: string, change: (id: number) => void): ItemSliceResult {
  const { where, values } = sliceCondition(a);
  const ids = w.db.tuples<[number]>(
    `SELECT i.id FROM item i WHERE ${where} ${state} ORDER BY i.id LIMIT ${SLICE}`,
    ...values,
  );
  for (const [id] of ids) change(id);
  const last = ids.at(-1);
  return { count: ids.length, next: ids.length === SLICE && last !== undefined ? last[0] : null };
}

/** Runs in the writer: an idle queue must not keep the reader running. */
export function nextDue(w: Writing): number | null {
  let next: number | null = null;
  for (const state of [0, 1]) {
    const row = w.db.get<{ due_at: number }>(
      'SELECT due_at FROM item INDEXED BY item_due WHERE lease = 0 AND state < 2 AND state = ? ORDER BY due_at LIMIT 1',
      state,
    );
    if (row !== undefined) next = next === null ? row.due_at : Math.min(next, row.due_at);
  }
  return next;
}
