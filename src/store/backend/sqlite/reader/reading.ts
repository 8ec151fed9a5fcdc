/** Context of the reader's operations. */
import type { Database } from '../database.ts';

export interface Reading {
  readonly db: Database;
  /** Opened on first use. */
  search(): Database;
  /** The content id up to which the search file was checked for texts whose content is gone. */
  readonly pruned: { upTo: number };
}
