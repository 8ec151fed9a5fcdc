/** Tables for tests: files by name, a clock that tests move, a log that tests read. */
import type { Tables } from '../../src/lookup/table.ts';
import { SharedTables, type TablesOptions } from '../../src/lookup/tables.ts';
import { recordLog } from './log.ts';

export interface TestTables {
  readonly tables: Tables;
  readonly logged: string[];
  /** Moves the clock, in ms. */
  wait(ms: number): void;
}

export function openTables(options: Partial<TablesOptions> = {}): TestTables {
  const { log, lines: logged } = recordLog(({ message }) => message);
  let now = 0;
  const tables = new SharedTables({
    resolvePath: (path) => path,
    log,
    clock: () => now,
    ...options,
  });
  const wait = (ms: number): void => {
    now += ms;
  };
  return { tables, logged, wait };
}
