/**
 * How components read main.cf, independent of its source: the value of a parameter after
 * defaults, `$name` expansion and a service's `-o` overrides. Names are typed by the table in
 * config/postfix/parameters/: a misspelt name, or one of another type, does not compile.
 */
import type { BooleanName, ListName, NumberName, StringName, TimeName } from '../config/postfix/parameters/names.ts';

export interface ParameterReader extends Reader<StringName, BooleanName, NumberName, TimeName, ListName> {
  /**
   * For names that are known only at run time: restriction classes, `<transport>_…`, parameters named by a plugin.
   * Throws for unknown names.
   */
  readonly untyped: Reader<string, string, string, string, string>;
}

interface Reader<S extends string, B extends string, N extends string, T extends string, L extends string> {
  /** The expanded text. */
  string(name: S): string;
  /** `yes` or `no`. */
  boolean(name: B): boolean;
  number(name: N): number;
  /** Milliseconds (Postfix writes 300s, 5m, 4h, 5d). */
  time(name: T): number;
  /**
   * Items separated by commas or white space; a `{ … }` group is one item. `type:table` items are returned unchanged;
   * in lists of domains and networks, file names are replaced by the contents of the files.
   */
  list(name: L): readonly string[];
}

export type { BooleanName, ListName, NumberName, StringName, TimeName };

/** The type of `untyped`. */
export type UntypedReader = ParameterReader['untyped'];
