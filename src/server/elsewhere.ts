/**
 * What the other processes on the same database count: a limit over all of them adds it to the count of this one. As
 * last heard, so no request waits; 0 for everything where there are no others.
 */
import type { Cluster } from '../store/cluster.ts';

/** Where counts are exchanged. */
export interface Sharing {
  /** Null for a store with one process. */
  readonly cluster: Cluster | null;
  /** Processes exchange the counts of the same topic. */
  readonly topic: string;
}

export const NOT_SHARED: Sharing = { cluster: null, topic: '' };

export class Elsewhere {
  readonly #end: () => void;
  #sums: ReadonlyMap<string, number> = new Map();

  /** `own` is read about once a second. `onNews` hears what the others count, now and after each change. */
  constructor(
    { cluster, topic }: Sharing,
    own: () => ReadonlyMap<string, number>,
    onNews: (sums: ReadonlyMap<string, number>) => void = () => {},
  ) {
    this.#end =
      cluster?.share(topic, own, (sums) => {
        this.#sums = sums;
        onNews(sums);
      }) ?? (() => {});
  }

  count(key: string): number {
    return this.#sums.get(key) ?? 0;
  }

  /** The others no longer hear of this one's counts. */
  end(): void {
    this.#end();
  }
}
