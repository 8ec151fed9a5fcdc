/** What the parts of a check work with. */
import type { OpenSource, StoreSource } from '../../store/source.ts';
import type { Store } from '../../store/store.ts';

export interface CheckJob {
  readonly source: StoreSource;
  /** The same store, for what is mended; null: nothing is. */
  readonly repair: Store | null;
  /** It may change while it is read. */
  readonly isServed: boolean;
  readonly searchText: OpenSource['searchText'];
  /** For a display: what of the step is done. */
  readonly tally: { done: number; of: number; octets: number };
}
