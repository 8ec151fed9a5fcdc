/**
 * What would keep mail waiting in the queue: transports that main.cf or a transport table names and that are not there,
 * commands that cannot be run, sockets at which nobody listens. Only checks tables whose content is known here, and a
 * limited number of their entries.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Tables } from '../../lookup/table.ts';
import { TableFault } from '../../lookup/table-fault.ts';
import type { PipeCommand, ProgramCommand, Transports } from '../../lookup/transports.ts';
import { unknownNames } from '../../lookup/transports.ts';
import type { Fault } from '../fault.ts';
import type { NamedTable } from './check-parameters.ts';
import type { Setting } from './main-cf.ts';
import type { MasterRow } from './master-cf.ts';
import type { MainParameters } from './parameters-reader.ts';
import type { Programs } from './transports.ts';

/** Parameters with one transport. */
const SINGLE = [
  'default_transport',
  'local_transport',
  'relay_transport',
  'virtual_transport',
  'mailbox_transport',
  'fallback_transport',
  'content_filter',
] as const;
const TABLES: ReadonlySet<string> = new Set([
  'transport_maps',
  'sender_dependent_default_transport_maps',
  'mailbox_transport_maps',
  'fallback_transport_maps',
]);
const MOST_ENTRIES = 5000;
const MOST_WARNINGS = 20;

export interface TransportCheck {
  /** The tables of all parameters. */
  readonly named: readonly NamedTable[];
  readonly tables: Pick<Tables, 'open'>;
  readonly rows: readonly MasterRow[];
  readonly settings: ReadonlyMap<string, Setting>;
  readonly parameters: MainParameters;
  readonly programs: Programs;
}

/** One warning for each transport of a table. */
export function transportWarnings(check: TransportCheck): Fault[] {
  const { transports } = check.programs;
  const singles = SINGLE.flatMap((parameter): Fault[] => {
    const setting = check.settings.get(parameter);
    const problem = setting === undefined ? undefined : problemOf(check.parameters.string(parameter), transports);
    return setting === undefined || problem === undefined
      ? []
      : [
          {
            file: setting.file,
            line: setting.lineOf(0),
            parameter,
            message: `${problem}: mail for it waits in the queue`,
          },
        ];
  });
  const inTables = check.named
    .filter(({ parameter }) => TABLES.has(parameter))
    .flatMap(({ table, parameter, file, line }) =>
      problemsIn(table, check).map((problem) => ({
        file,
        line,
        parameter,
        message: `${table}: ${problem}: mail for it waits in the queue`,
      })),
    );
  return [...singles, ...inTables.slice(0, MOST_WARNINGS), ...spawnWarnings(check), ...policyWarnings(check)];
}

/** Why mail by `transport:nexthop` would wait. */
function problemOf(text: string, transports: Transports): string | undefined {
  const [, name = '', nexthop = ''] = /^([^:]*):?(.*)$/s.exec(text.trim()) ?? [];
  if (name === '' || name.includes('$')) return undefined;
  const transport = transports.get(name);
  if (transport === undefined) return `there is no transport "${name.slice(0, 60)}" in master.cf`;
  if (transport.command !== null) {
    const problem = pipeProblem(transport.command);
    return problem === undefined ? undefined : `"${name}": ${problem}`;
  }
  const socket = transport.program === 'lmtp' ? /^unix:(\S+)$/.exec(nexthop)?.[1] : undefined;
  if (socket === undefined) return undefined;
  const path = transports.socketPath(socket);
  return transports.isOwnSocket(path) || existsSync(path) ? undefined : `${path}: there is no such socket`;
}

/** The programs of spawn that cannot be started. */
function spawnWarnings({ rows, programs }: TransportCheck): Fault[] {
  return rows.flatMap(({ service, command: kind, file, line }): Fault[] => {
    const command = kind === 'spawn' ? programs.spawned.get(service)?.command : undefined;
    const problem = command === undefined ? undefined : programProblem(command);
    return problem === undefined
      ? []
      : [{ file, line, message: `service ${service} (spawn): ${problem}: what asks it gets no answer` }];
  });
}

/** Policy services at sockets that neither a row of spawn nor a running program has. */
function policyWarnings({ settings, programs }: TransportCheck): Fault[] {
  return [...settings.values()].flatMap((setting) =>
    [...setting.value.matchAll(/check_policy_service[\s,]+\{?\s*unix:([^\s,}]+)/g)].flatMap(
      ({ 1: path = '', index }) => {
        const real = programs.transports.socketPath(path);
        if (path.includes('$') || programs.spawned.has(basename(path)) || existsSync(real)) return [];
        const message = `unix:${path}: there is no such socket (${real}), and no spawn row of that name in master.cf`;
        return [{ file: setting.file, line: setting.lineOf(index), parameter: setting.name, message }];
      },
    ),
  );
}

function programProblem({ argv: [path = ''], obstacle }: ProgramCommand): string | undefined {
  if (obstacle !== null) return obstacle;
  const places = path.includes('/') ? [path] : ['/usr/bin', '/bin'].map((folder) => join(folder, path));
  return places.some((place) => existsSync(place)) ? undefined : `there is no program ${path.slice(0, 100)}`;
}

/** Why mail for a pipe would wait. */
function pipeProblem(command: PipeCommand): string | undefined {
  const unknown = command.argv.flatMap(unknownNames).at(0);
  return unknown === undefined ? programProblem(command) : `unknown macro name: "${unknown.slice(0, 40)}"`;
}

/** What is wrong with transports in a table's results. */
function problemsIn(table: string, { tables, programs }: TransportCheck): string[] {
  const found = new Set<string>();
  let count = 0;
  for (const [, value] of entriesOf(table, tables)) {
    count += 1;
    if (count > MOST_ENTRIES) break;
    const problem = problemOf(value, programs.transports);
    if (problem !== undefined) found.add(problem);
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
