/** Opens every table named by a configuration once, to find errors before anything starts. */
import type { Tables } from '../../lookup/table.ts';
import { TableFault } from '../../lookup/table-fault.ts';
import { SharedTables } from '../../lookup/tables.ts';
import type { Fault } from '../fault.ts';
import type { NamedTable } from './check-parameters.ts';

export interface TableCheck {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  /** Opened, for further checks: remote ones cannot be queried. */
  readonly tables: Tables;
}

export function checkTables(
  named: readonly NamedTable[],
  resolvePath: (path: string) => string,
  aliasTables: readonly string[],
): TableCheck {
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const log = {
    info: () => undefined,
    warn: (fields: object, message: string) => void warnings.push(warningOf(fields, message)),
  };
  const tables = new SharedTables({
    resolvePath,
    aliasTables,
    log,
    clock: () => 0,
    isOffline: true,
  });
  for (const { table, parameter, file, line } of named) {
    try {
      tables.open(table);
    } catch (error) {
      if (!(error instanceof TableFault)) throw error;
      faults.push(...faultsOf(error, { table, parameter, file, line }));
    }
  }
  return { faults: unique(faults), warnings, tables };
}

/** Errors inside a table's file have their location there; others are reported where the table is named. */
function faultsOf(error: TableFault, { table, parameter, file, line }: NamedTable): Fault[] {
  if (error.line > 0 && error.file !== table)
    return [error, ...error.further].map((it) => ({ file: error.file, line: it.line, message: it.message }));
  // `a name is missing after "hash:"` says it already.
  const name = table.endsWith(':') ? '' : `${table.slice(0, 80)}: `;
  const inside = error.file === table || table.endsWith(`:${error.file}`) ? '' : `${error.file}: `;
  return [error, ...error.further].map(({ message }) => ({
    file,
    line,
    parameter,
    message: `${name}${inside}${message}`,
  }));
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
