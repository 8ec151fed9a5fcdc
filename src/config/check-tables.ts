/** Opens every table that a configuration names, once, to find what is wrong with it before anything starts. */
import { TableFault } from '../lookup/table-fault.ts';
import { createTables } from '../lookup/tables.ts';
import type { NamedTable } from './check-parameters.ts';
import type { Fault } from './fault.ts';

export interface TableCheck {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
}

export function checkTables(named: readonly NamedTable[], resolvePath: (path: string) => string, aliasTables: readonly string[]): TableCheck {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const log = { info: () => undefined, warn: (fields: object, message: string) => void warnings.push(warningOf(fields, message)) };
  const tables = createTables({ resolvePath, aliasTables, log, clock: () => 0, connect: () => Promise.reject(new Error('not asked while checking')) });
  for (const { table, parameter, file, line } of named) {
    try {
      tables.open(table);
    } catch (error) {
      if (!(error instanceof TableFault)) throw error;
      // A fault inside the table's file is told with that place; one about the table as such, where it is named.
      if (error.line > 0) {
        for (const { line: inner, message } of [error, ...error.further]) faults.push({ file: error.file, line: inner, message });
      } else faults.push({ file, line, parameter, message: `${table}: ${error.file === table ? '' : `${error.file}: `}${error.message}` });
    }
  }
  return { faults: unique(faults), warnings };
}

function warningOf(fields: object, message: string): Fault {
  const file = 'file' in fields && typeof fields.file === 'string' ? fields.file : '';
  const line = 'line' in fields && typeof fields.line === 'number' ? fields.line : 0;
  return { file, line, message: message.replace(`${file}:${line}: `, '') };
}

/** The same table may be named twice. */
function unique(faults: readonly Fault[]): Fault[] {
  return [...new Map(faults.map((fault) => [`${fault.file}:${fault.line}:${fault.message}`, fault])).values()];
}
