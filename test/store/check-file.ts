/** Checks the file of a closed store, whatever happened to it. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';

export function checkFile(directory: string): void {
  const db = new DatabaseSync(join(directory, 'store.sqlite'));
  expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }]);
  // Reference counts are correct, however the process ended.
  const wrong = db
    .prepare(
      `SELECT id FROM content c WHERE refs <>
       (SELECT count(*) FROM message WHERE content = c.id) + (SELECT count(*) FROM item WHERE content = c.id)
       + (SELECT count(*) FROM kept WHERE content = c.id) AND refs >= 0`,
    )
    .all();
  expect(wrong).toEqual([]);
  const counters = db
    .prepare(
      `SELECT m.id FROM mailbox m WHERE messages <> (SELECT count(*) FROM message WHERE mailbox = m.id)
       OR size <> (SELECT coalesce(sum(size), 0) FROM message WHERE mailbox = m.id)
       OR uid_next <= (SELECT coalesce(max(uid), 0) FROM message WHERE mailbox = m.id)`,
    )
    .all();
  expect(counters).toEqual([]);
  const chunkless = db.prepare(
    'SELECT id FROM content WHERE refs > 0 AND size <> (SELECT coalesce(sum(length(bytes)), 0) FROM chunk WHERE chunk.id / 4096 = content.id)',
  );
  expect(chunkless.all()).toEqual([]);
  db.close();
}
