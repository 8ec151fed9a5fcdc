/** Tables for tests: files as they are named, a clock that tests move, a log that tests read. */
import type { Tables } from '../../src/lookup/table.ts';
import { SharedTables, type TablesOptions } from '../../src/lookup/tables.ts';

export interface Bench {
  readonly tables: Tables;
  readonly logged: string[];
  /** Moves the clock, ms. */
  wait(ms: number): void;
}

export function bench(options: Partial<TablesOptions> = {}): Bench {
  const logged: string[] = [];
  let now = 0;
  const keep = (_fields: object, message: string): void => void logged.push(message);
  const tables = new SharedTables({
    resolvePath: (path) => path,
    log: { info: keep, warn: keep },
    clock: () => now,
    ...options,
  });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { tables, logged, wait };
}
