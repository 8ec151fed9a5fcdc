/** A lookup table is unusable: which file, which line, what was expected. Compatible with config's `Fault`. */
export class TableFault extends Error {
  override readonly name = 'TableFault';
  /** The source file, or the table's name (`regexp:{…}`) if it has none. */
  readonly file: string;
  /** Counted from 1; 0 for the table as a whole. */
  readonly line: number;
  /** Further errors in the same file. */
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

  /** `file:line`, or the file alone. */
  get place(): string {
    return this.line > 0 ? `${this.file}:${this.line}` : this.file;
  }
}

/** The table cannot answer now, but may later (Postfix: a temporary lookup error). */
export class TableUnavailableError extends Error {
  override readonly name = 'TableUnavailableError';
  /** The table itself has logged it, once for all lookups that fail meanwhile. */
  readonly isLogged: boolean;

  constructor(message: string, options: ErrorOptions & { readonly isLogged?: boolean } = {}) {
    super(message, options);
    this.isLogged = options.isLogged ?? false;
  }
}
