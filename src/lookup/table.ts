import type { Place } from '../tracing.ts';

/**
 * A lookup table (Postfix: DATABASE_README): maps a key to a text. Each type is a file here and a row in
 * `types.ts`. Text tables are read into memory and reloaded when their file changes.
 */
export interface LookupTable {
  /** `hash:/etc/aliases`, as in main.cf. */
  readonly name: string;
  /** Undefined if the key is not found. Rejects or throws if the table cannot answer now (a transient error). */
  get(key: string): string | undefined | Promise<string | undefined>;
  /** Regular expression and CIDR tables are only queried with the whole key, never with parts of it. */
  readonly wholeKeyOnly: boolean;
  /**
   * The current keys and values, if known without a query to another server. A pattern table returns its results with
   * the key ''. Absent if the results cannot be listed.
   */
  entries?(): Iterable<readonly [key: string, value: string]>;
  /** The content is in the table's name, so it changes only with the configuration. */
  readonly fixed?: boolean;
  /** Where the answer for a key is written, if that is a file. Reads the file: not for every message. */
  where?(key: string): Place | null;
  /** Why what its file has now is not in use, with the place; null if it is. Absent where there is no file. */
  stale?(): string | null;
  /** Closes connections to other servers. */
  close?(): void;
}

/** Opens `type:name` tables once and shares them. */
export interface Tables {
  /** Throws a fault with the table, its file and line if it cannot be opened. */
  open(name: string): LookupTable;
}
