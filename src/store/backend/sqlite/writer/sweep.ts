/**
 * Contents without references go away in small pieces, between batches: removing a mailbox of 100,000 messages
 * never makes an acceptance wait for more than one piece.
 */
import { CHUNK_SIZE } from '../../../content.ts';
import { CHUNK_IDS } from '../chunks.ts';
import type { Database } from '../database.ts';

/** One piece: at most so many contents and so many octets. */
const CONTENTS = 200;
const OCTETS = 16 * 1024 * 1024;

/** A spool that nobody wrote to, accepted or discarded for so long (ms) was left behind. */
const SPOOL_LIFETIME = 6 * 3600_000;

/** Inside a transaction of its own. Returns whether there may be more. */
export function sweep(db: Database, now: number): boolean {
  const contents = db.all<{ id: number; size: number }>(
    'SELECT id, size FROM content WHERE refs <= 0 AND (refs = 0 OR arrived_at < ?) ORDER BY id LIMIT ?',
    now - SPOOL_LIFETIME,
    CONTENTS,
  );
  let octets = 0;
  for (const { id, size } of contents) {
    if (octets > OCTETS) return true;
    // A spool's size is not known.
    octets += Math.max(size, CHUNK_SIZE / 8);
    db.run('DELETE FROM chunk WHERE id BETWEEN ? AND ?', id * CHUNK_IDS, id * CHUNK_IDS + CHUNK_IDS - 1);
    db.run('DELETE FROM delivered WHERE content = ?', id);
    db.run('DELETE FROM content WHERE id = ?', id);
  }
  return contents.length === CONTENTS;
}

/** At start no spool can be in progress: all of them were left behind. */
export function abandonSpools(db: Database): void {
  db.run('UPDATE content SET refs = 0 WHERE refs = -1');
}
