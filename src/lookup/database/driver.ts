/** The packages that speak to databases: only those that a table needs have to be installed. */
import { createRequire } from 'node:module';
import { TableFault } from '../table-fault.ts';

const { resolve } = createRequire(import.meta.url);

/** Throws TableFault with the command that installs it. */
export function requireDriver(driver: string, table: string): void {
  try {
    resolve(driver);
  } catch {
    throw new TableFault(table, 0, `needs the package ${driver}, which is not installed here: npm install ${driver}`);
  }
}
