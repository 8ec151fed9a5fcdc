/**
 * The processes that share one database: who they are, and what is counted over all of them. An embedded store has one
 * process, and no Cluster.
 */

export interface ClusterProcess {
  /** Unique forever. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** Milliseconds since 1970 UTC, by that process's clock. */
  readonly startedAt: number;
  /** For how long this process has not heard of it, ms, by its own clock; 0 of itself. */
  readonly silentFor: number;
  /** It has not been heard of for longer than it may be silent: its work is taken over. */
  readonly dead: boolean;
  /** This process. */
  readonly self: boolean;
  /** What it says of itself: sessions, deliveries, queue … */
  readonly facts: Readonly<Record<string, number | string>>;
}

export interface Cluster {
  /**
   * The text under this name that all processes use: the first one that any of them proposed. It is kept with the mail,
   * and as secret.
   */
  agree(name: string, propose: () => Promise<string>): Promise<string>;
  processes(): Promise<readonly ClusterProcess[]>;
  /** Read before each heartbeat. */
  describe(facts: () => Readonly<Record<string, number | string>>): void;
  /**
   * Exchanges counts: `own` is read about once a second and published when it changed; `others` hears the sums over the
   * other living processes, now and after each change. So a limit is over all processes, up to a second late, and no request waits for
   * the database. Several in one process may share a topic: their counts are added. Bounded: of a large topic the
   * largest counts are published, and keys of more than 100 characters are not. Returns a function that ends it.
   */
  share(
    topic: string,
    own: () => ReadonlyMap<string, number>,
    others: (sums: ReadonlyMap<string, number>) => void,
  ): () => void;
}
