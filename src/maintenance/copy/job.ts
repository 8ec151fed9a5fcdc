/** What the parts of a copy work with: both stores, and what was done so far. */
import type { StoreSource } from '../../store/source.ts';
import type { Store } from '../../store/store.ts';
import type { Contents } from './contents.ts';
import type { Tally } from './tally.ts';

export interface CopyJob {
  readonly source: StoreSource;
  readonly target: Store;
  readonly contents: Contents;
  readonly tally: Tally;
}
