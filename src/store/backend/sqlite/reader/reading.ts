/** What the reader's operations work with. */
import type { Database } from '../database.ts';

export interface Reading {
  readonly db: Database;
  /** Opened with its first use. */
  search(): Database;
  /** Up to which content the search file was looked through for texts whose content is gone. */
  readonly pruned: { upTo: number };
}
