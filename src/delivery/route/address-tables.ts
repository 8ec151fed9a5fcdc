/** The tables that a parameter lists. */
import type { LookupTable, Tables } from '../../lookup/table.ts';

/** Tables of the operating system's users: replaced by the directory. */
const SYSTEM_USERS = /^(?:proxy:)?unix:/;

export function openTables(names: readonly string[], tables: Tables): readonly LookupTable[] {
  return names.filter((name) => !SYSTEM_USERS.test(name)).map((name) => tables.open(name));
}
