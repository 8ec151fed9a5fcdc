/**
 * A command or a file that receives mail: a member of an alias, an included file or a forwarding file (aliases(5)), and
 * on whose behalf.
 */
export interface LocalTarget {
  readonly kind: 'command' | 'file';
  /** The command line, or the path; a path that ends with `/` is a Maildir. */
  readonly text: string;
  /** The user whose forwarding file named it; null: it is done with the rights of the owner of `source`. */
  readonly user: string | null;
  /** The file in which it is named; null: the table is in no file. */
  readonly source: string | null;
}
