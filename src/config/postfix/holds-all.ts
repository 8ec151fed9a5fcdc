/** Whether a lookup table has everybody: `static:OK`, `cidr:` with 0.0.0.0/0, a pattern that fits all. */
import type { Tables } from '../../lookup/table.ts';

/** `strangers`: keys that only a table of everybody has. */
export function holdsAll(table: string, strangers: readonly string[], tables: Pick<Tables, 'open'>): boolean {
  try {
    const opened = tables.open(table);
    // Tables elsewhere are not asked at a start.
    return opened.entries !== undefined && strangers.every((key) => opened.get(key) !== undefined);
  } catch {
    // What is wrong with the table is among the faults.
    return false;
  }
}
