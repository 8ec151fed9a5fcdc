/**
 * How a part reads main.cf without knowing where it came from: the value of a parameter after
 * defaults, `$name` expansion and a service's `-o` overrides. Names are typed by the table in
 * config/postfix/parameters/: a misspelt name, or one of another type, does not compile.
 */
import type { BooleanName, ListName, NumberName, StringName, TimeName } from '../config/postfix/parameters/names.ts';

export interface ParameterReader extends Reader<StringName, BooleanName, NumberName, TimeName, ListName> {
  /**
   * For names that are only known at run time: restriction classes, `<transport>_…`, words of a plugin. Throws for
   * unknown names.
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
   * Items divided by commas or white space; a `{ … }` group is one item. `type:table` items stay as they are; of lists
   * of domains and networks, file names are replaced by what the files hold.
   */
  list(name: L): readonly string[];
}

export type { ListName, NumberName, StringName, TimeName };

/** The reader behind `untyped`. */
export type UntypedReader = ParameterReader['untyped'];
