/**
 * Transports named in main.cf or in a transport table that cannot be run here: rows of master.cf with a program (pipe,
 * spawn) or their own client, and names missing from master.cf. Mail for them stays in the queue. Only checks tables
 * whose content is known here, and a limited number of their entries.
 */
import type { Tables } from '../../lookup/table.ts';
import { TableFault } from '../../lookup/table-fault.ts';
import type { Fault } from '../fault.ts';
import type { NamedTable } from './check-parameters.ts';
import type { MasterRow } from './master-cf.ts';

/** The transports supported by the router (src/delivery/route/router.ts), whatever master.cf defines. */
const RUN: ReadonlySet<string> = new Set([
  'smtp',
  'relay',
  'lmtp',
  'local',
  'virtual',
  'error',
  'retry',
  'discard',
  '',
]);
const MOST_ENTRIES = 5000;
const MOST_WARNINGS = 20;

/**
 * `named`: the tables of all parameters, of which those of transport_maps are checked. One warning for each transport
 * of a table.
 */
export function transportWarnings(
  named: readonly NamedTable[],
  tables: Pick<Tables, 'open'>,
  rows: readonly MasterRow[],
): Fault[] {
  return named
    .filter(({ parameter }) => parameter === 'transport_maps')
    .flatMap(({ table, parameter, file, line }) =>
      transportsOf(table, tables).map((transport) => ({
        file,
        line,
        parameter,
        message: `${table}: ${describe(transport, rows)}: mail for it waits in the queue`,
      })),
    )
    .slice(0, MOST_WARNINGS);
}

function describe(transport: string, rows: readonly MasterRow[]): string {
  const row = rows.find(({ service, type }) => service === transport && type !== 'inet');
  const name = `"${transport.slice(0, 60)}"`;
  return row === undefined
    ? `there is no transport ${name}`
    : `${name}, ${row.command} at ${row.file}:${row.line}, is not run here`;
}

/** The transports in a table's results that cannot be run here. */
function transportsOf(table: string, tables: Pick<Tables, 'open'>): string[] {
  const found = new Set<string>();
  let count = 0;
  for (const [, value] of entriesOf(table, tables)) {
    count += 1;
    if (count > MOST_ENTRIES) break;
    const transport = value.split(':', 1)[0]?.trim() ?? '';
    if (!RUN.has(transport) && !transport.includes('$')) found.add(transport);
  }
  return [...found];
}

function entriesOf(table: string, tables: Pick<Tables, 'open'>): Iterable<readonly [string, string]> {
  try {
    return tables.open(table).entries?.() ?? [];
  } catch (error) {
    // Its error is already reported.
    if (error instanceof TableFault) return [];
    throw error;
  }
}
