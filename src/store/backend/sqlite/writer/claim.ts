/**
 * Leases due items: fresh ones before deferred ones, oldest first.
 *
 * Usually the first index rows in that order are the wanted ones. If a destination at its limit has thousands of items
 * in front, the index by destination is walked instead, one step per destination: an excluded one costs one step
 * however many items it has. Both walks are bounded, whatever the length of the queue.
 */
import type { QueueItem } from '../../../queue.ts';
import type { WriterCalls } from '../calls.ts';
import { type ItemColumns, SELECT_ITEM, toItem } from '../item-row.ts';
import type { Writing } from './writing.ts';

/** Index rows examined in order of time, in addition to the number requested. */
const LOOKED_AT = 500;
/** Destinations visited in one walk. The next walk continues where this one stopped. */
const DESTINATIONS = 500;

type Due = [id: number, destination: string, dueAt: number];

/** `walk` keeps, between claims, where the walk over destinations stopped. */
export function claim(w: Writing, a: WriterCalls['claim']['args'], walk: { from: string }): readonly QueueItem[] {
  w.db.run('UPDATE item SET lease = 0 WHERE lease > 0 AND lease <= ?', a.now);
  const exclude = new Set(a.exclude);
  const ids: number[] = [];
  for (const state of [0, 1]) {
    if (ids.length >= a.limit) break;
    const wanted = a.limit - ids.length;
    const bound = wanted + LOOKED_AT;
    const due = w.db.tuples<Due>(
      `SELECT id, destination, due_at FROM item INDEXED BY item_due WHERE lease = 0 AND state < 2 AND state = ? AND due_at <= ? ORDER BY due_at, id LIMIT ? + 0`,
      state,
      a.now,
      exclude.size === 0 ? wanted : bound,
    );
    const free = due.filter(([, destination]) => !exclude.has(destination)).slice(0, wanted);
    const found =
      free.length < wanted && due.length === bound && exclude.size > 0
        ? walkDestinations(w, a.now, state, wanted, exclude, walk)
        : free;
    for (const [id] of found) ids.push(id);
  }
  const until = a.now + a.leaseMs;
  const items: QueueItem[] = [];
  for (const id of ids) {
    w.db.run('UPDATE item SET lease = ? WHERE id = ?', until, id);
    const row = w.db.get<ItemColumns>(`${SELECT_ITEM} WHERE i.id = ?`, id);
    if (row !== undefined) items.push(toItem(row));
  }
  return items;
}

function walkDestinations(
  w: Writing,
  now: number,
  state: number,
  wanted: number,
  exclude: ReadonlySet<string>,
  walk: { from: string },
): Due[] {
  const found: Due[] = [];
  const begin = walk.from;
  let wrapped = begin === '';
  let at = begin;
  for (let visited = 0; visited < DESTINATIONS && found.length < wanted; visited += 1) {
    const next = w.db.get<{ destination: string }>(
      'SELECT destination FROM item INDEXED BY item_by_destination WHERE lease = 0 AND state < 2 AND destination > ? ORDER BY destination LIMIT 1',
      at,
    );
    if (next === undefined || (wrapped && begin !== '' && next.destination > begin)) {
      at = '';
      if (wrapped) break;
      wrapped = true;
      continue;
    }
    at = next.destination;
    if (exclude.has(at)) continue;
    const due = w.db.tuples<Due>(
      `SELECT id, destination, due_at FROM item INDEXED BY item_by_destination
       WHERE lease = 0 AND state < 2 AND destination = ? AND state = ? AND due_at <= ? ORDER BY due_at, id LIMIT ? + 0`,
      at,
      state,
      now,
      wanted,
    );
    for (const row of due) found.push(row);
  }
  walk.from = at;
  return found.sort((x, y) => x[2] - y[2] || x[0] - y[0]).slice(0, wanted);
}
