/** A fault of a plugin's configuration, in the shape of those of other configuration files. */
export interface Fault {
  readonly file: string;
  /** Counted from 1; 0 for the file as a whole. */
  readonly line: number;
  /** What is wrong, and what was expected. */
  readonly message: string;
}
