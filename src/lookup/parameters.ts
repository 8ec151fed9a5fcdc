/**
 * How a part reads main.cf without knowing where it came from: the value of a parameter after
 * defaults, `$name` expansion and a service's `-o` overrides. Names are typed by the table in
 * config/postfix/parameters.ts; asking for one that the table does not have throws (a fault of ours).
 */
export interface ParameterReader {
  /** The expanded text. */
  string(name: string): string;
  /** `yes` or `no`. */
  boolean(name: string): boolean;
  number(name: string): number;
  /** Milliseconds (Postfix writes 300s, 5m, 4h, 5d). */
  time(name: string): number;
  /** Items divided by commas or white space; a `{ … }` group is one item. `type:table` items stay as they are; of lists of domains and networks, file names are replaced by what the files hold. */
  list(name: string): readonly string[];
}
