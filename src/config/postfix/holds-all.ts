/** Whether a lookup table matches everyone: `static:OK`, `cidr:` with 0.0.0.0/0, a pattern that matches anything. */
import type { Tables } from '../../lookup/table.ts';

/** `strangers`: keys found only in a table that matches everyone. */
export function holdsAll(table: string, strangers: readonly string[], tables: Pick<Tables, 'open'>): boolean {
  try {
    const opened = tables.open(table);
    // Remote tables are not queried at a start.
    return opened.entries !== undefined && strangers.every((key) => opened.get(key) !== undefined);
  } catch {
    // The table's error is reported elsewhere.
    return false;
  }
}
