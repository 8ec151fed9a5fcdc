/** Processes on one database, without one: what they share is exchanged when a test says that a second is over. */
import type { Cluster } from '../../src/store/cluster.ts';

interface Share {
  readonly topic: string;
  readonly own: () => ReadonlyMap<string, number>;
  readonly others: (sums: ReadonlyMap<string, number>) => void;
}

export class Processes {
  readonly #shares = new Map<Cluster, Set<Share>>();

  /** One more process. */
  join(): Cluster {
    const shares = new Set<Share>();
    const cluster: Cluster = {
      agree: (_name, propose) => propose(),
      processes: () => Promise.resolve([]),
      describe: () => {},
      share: (topic, own, others) => {
        const share = { topic, own, others };
        shares.add(share);
        others(new Map());
        return () => shares.delete(share);
      },
    };
    this.#shares.set(cluster, shares);
    return cluster;
  }

  /** Every process tells its counts, and then hears those of the others. */
  exchange(): void {
    const told = new Map(
      [...this.#shares].map(([cluster, shares]) => [
        cluster,
        [...shares].map(({ topic, own }) => ({ topic, counts: new Map(own()) })),
      ]),
    );
    for (const [cluster, shares] of this.#shares)
      for (const { topic, others } of shares) {
        const sums = new Map<string, number>();
        for (const [other, topics] of told)
          if (other !== cluster)
            for (const { counts } of topics.filter((each) => each.topic === topic))
              for (const [key, count] of counts) sums.set(key, (sums.get(key) ?? 0) + count);
        others(sums);
      }
  }

  /** It is silent from now on, and the others know. */
  kill(cluster: Cluster): void {
    this.#shares.delete(cluster);
    this.exchange();
  }

  /** What a process tells now, by topic. */
  told(cluster: Cluster): ReadonlyMap<string, ReadonlyMap<string, number>> {
    return new Map([...(this.#shares.get(cluster) ?? [])].map(({ topic, own }) => [topic, new Map(own())]));
  }
}
