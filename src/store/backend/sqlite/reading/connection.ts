/** What the operations that only read work with. */
import type { Database } from '../database.ts';

export interface Reading {
  readonly db: Database;
}

/** What `work` reads is of one commit. */
export function inTransaction<T>({ db }: Reading, work: () => T): T {
  db.run('BEGIN');
  try {
    return work();
  } finally {
    db.run('COMMIT');
  }
}

/** A connection that never writes; it sees the last commit and never waits for the next one. */
export const READ_ONLY = { readOnly: true, synchronous: 'FULL', busyMs: 5000 } as const;
