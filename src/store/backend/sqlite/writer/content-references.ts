/** How many rows and queue items refer to a content (`content.refs`). */
import type { Writing } from './writing.ts';

/** Drops one reference to each content; those without any are swept later (sweep.ts). */
export function removeRows(w: Pick<Writing, 'db'>, contents: readonly number[]): void {
  changeReferences(w, contents, -1);
}

/**
 * One more or less for each content, and for each time that it is in the list: in as few statements as possible.
 * Returns how many of the contents are there.
 */
export function changeReferences(w: Pick<Writing, 'db'>, contents: readonly number[], by: 1 | -1): number {
  const times = new Map<number, number>();
  for (const content of contents) times.set(content, (times.get(content) ?? 0) + 1);
  const groups = new Map<number, number[]>();
  for (const [content, count] of times) {
    const group = groups.get(count);
    if (group === undefined) groups.set(count, [content]);
    else group.push(content);
  }
  let found = 0;
  // What a transfer has put counts from 0 (references.ts).
  for (const [count, group] of groups)
    found += w.db.run(
      'UPDATE content SET refs = max(refs, 0) + ? WHERE id IN (SELECT value FROM json_each(?))',
      by * count,
      JSON.stringify(group),
    );
  return found;
}

/** Of rows that are put. Throws if a content is not there (any more). */
export function refer(w: Writing, contents: readonly number[]): void {
  if (changeReferences(w, contents, 1) < new Set(contents).size)
    throw new Error('a content of these messages is no longer in the store');
  w.db.run(
    'UPDATE content SET local = 1 WHERE local = 0 AND id IN (SELECT value FROM json_each(?))',
    JSON.stringify(contents),
  );
}
