/**
 * A lookup table (Postfix: DATABASE_README): a key in, a text out. A type is a file here and a row in
 * `types.ts`. Text tables are read into memory and picked up again when their file changes.
 */
export interface LookupTable {
  /** `hash:/etc/aliases`, as in main.cf. */
  readonly name: string;
  /** Undefined where the key is not there. Rejects or throws where the table cannot answer now (a transient fault). */
  get(key: string): string | undefined | Promise<string | undefined>;
  /** Regular expression and CIDR tables are asked with the whole key alone, never with parts of it. */
  readonly wholeKeyOnly: boolean;
  /**
   * The keys and values that it holds now, where they are known without asking another server. A table of
   * patterns gives its results with the key ''. Absent: what it would answer cannot be listed.
   */
  entries?(): Iterable<readonly [key: string, value: string]>;
  /** The content stands in the table's name: it cannot change while the configuration stays. */
  readonly fixed?: boolean;
}

/** Opens `type:name` tables once and shares them. */
export interface Tables {
  /** Throws a fault that names the table, its file and line where it cannot be opened. */
  open(name: string): LookupTable;
}
