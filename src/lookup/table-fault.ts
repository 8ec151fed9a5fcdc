/** A lookup table that cannot be used: which file, which line, what was expected. Has the shape of config's `Fault`. */
export class TableFault extends Error {
  override readonly name = 'TableFault';
  /** The source file, or the table's name (`regexp:{…}`) where it has none. */
  readonly file: string;
  /** Counted from 1; 0 where the fault is about the table as a whole. */
  readonly line: number;
  /** More that is wrong in the same file. */
  readonly further: readonly { readonly line: number; readonly message: string }[];

  constructor(
    file: string,
    line: number,
    message: string,
    options: ErrorOptions & { readonly further?: TableFault['further'] } = {},
  ) {
    super(message, options);
    this.file = file;
    this.line = line;
    this.further = options.further ?? [];
  }
}

/** The table cannot answer now, but may later (Postfix: a temporary lookup error). */
export class TableUnavailableError extends Error {
  override readonly name = 'TableUnavailableError';
}
