/**
 * Deletes contents without references in small batches between the requests: removing a mailbox of 100,000 messages
 * never delays an acceptance by more than one such batch.
 */
import { CHUNK_SIZE } from '../../../content.ts';
import { CHUNK_IDS } from '../chunks.ts';
import type { Database } from '../database.ts';
import { SPOOL } from '../references.ts';

/** Limits of one batch: contents and octets. */
const CONTENTS = 200;
const OCTETS = 16 * 1024 * 1024;

/** A spool not written to, accepted or discarded for this long (ms) was abandoned. */
const SPOOL_LIFETIME = 6 * 3600_000;

/** Runs in its own transaction. Returns whether there may be more. */
export function sweep(db: Database, now: number): boolean {
  const contents = db.all<{ id: number; size: number }>(
    `SELECT id, size FROM content WHERE refs <= 0 AND (refs = 0 OR refs = ${SPOOL} AND arrived_at < ?)
     ORDER BY id LIMIT ? + 0`,
    now - SPOOL_LIFETIME,
    CONTENTS,
  );
  let octets = 0;
  for (const { id, size } of contents) {
    if (octets > OCTETS) return true;
    // The size of a spool is not known.
    octets += Math.max(size, CHUNK_SIZE / 8);
    db.run('DELETE FROM chunk WHERE id BETWEEN ? AND ?', id * CHUNK_IDS, id * CHUNK_IDS + CHUNK_IDS - 1);
    db.run('DELETE FROM delivered WHERE content = ?', id);
    db.run('DELETE FROM content WHERE id = ?', id);
  }
  return contents.length === CONTENTS;
}

/** At start no spool and no transfer can be in progress: all of them were abandoned. */
export function abandonSpools(db: Database): void {
  db.run('UPDATE content SET refs = 0 WHERE refs < 0');
}
