/** A lookup table that cannot be used: which file, which line, what was expected. Has the shape of config's `Fault`. */
export class TableFault extends Error {
  override readonly name = 'TableFault';
  /** The source file, or the table's name (`regexp:inline`) where it has none. */
  readonly file: string;
  /** Counted from 1; 0 where the fault is about the table as a whole. */
  readonly line: number;
  constructor(file: string, line: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.file = file;
    this.line = line;
  }
}

/** The table cannot answer now, but may later (Postfix: a temporary lookup error). */
export class TableUnavailableError extends Error {
  override readonly name = 'TableUnavailableError';
}
