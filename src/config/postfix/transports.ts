/** The ways of delivery and the programs started on demand that rows of master.cf define. */

import { isAbsolute, join } from 'node:path';
import { portNamesOf } from '../../lookup/ports.ts';
import {
  createTransports,
  type ProgramCommand,
  type Transport,
  type TransportProgram,
  type Transports,
} from '../../lookup/transports.ts';
import type { Fault } from '../fault.ts';
import { type MasterRow, parseEndpoint } from './master-cf.ts';
import { listenAddresses } from './own-networks.ts';
import type { MainParameters } from './parameters-reader.ts';
import { pipeCommand, spawnCommand } from './program-row.ts';

/** A spawn(8) row. */
export interface SpawnService {
  readonly name: string;
  /** Programs at one time; 0 has no limit. */
  readonly limit: number;
  readonly command: ProgramCommand;
  /** Where clients connect; null for a UNIX socket, which only this server uses. */
  readonly endpoint: { readonly addresses: readonly string[]; readonly port: number } | null;
}

export interface Programs {
  readonly transports: Transports;
  readonly spawned: ReadonlyMap<string, SpawnService>;
  readonly faults: readonly Fault[];
}

/** The commands of master.cf that deliver mail here. */
const PROGRAMS: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'local', 'virtual', 'error', 'discard', 'pipe']);

const delivers = (command: string): command is TransportProgram => PROGRAMS.has(command);

/** The rows by which mail is delivered. */
export const transportRows = (rows: readonly MasterRow[]): MasterRow[] =>
  rows.filter(({ type, command }) => type === 'unix' && delivers(command));

/** Those of them that read their `-o` values. */
export const READS_OVERRIDES: ReadonlySet<string> = new Set(['smtp', 'lmtp', 'pipe']);

/** `ownSockets`: the UNIX sockets at which dovecot.conf has LMTP served. */
export function programsOf(
  rows: readonly MasterRow[],
  main: MainParameters,
  folder: string,
  ownSockets: ReadonlySet<string>,
): Programs {
  const faults: Fault[] = [];
  const queue = main.string('queue_directory');
  const otherwise = main.number('default_process_limit');
  const parametersOf = (row: MasterRow): MainParameters =>
    row.overrides.length === 0 ? main : main.withOverrides(row.overrides.map(({ name, value }) => [name, value]));
  const transports = transportRows(rows).map((row): Transport => {
    const parameters = parametersOf(row);
    if (row.command === 'error' && row.service !== 'error' && row.service !== 'retry')
      faults.push({
        file: row.file,
        line: row.line,
        message: `service ${row.service}: error has only services of the names error and retry, as in Postfix`,
      });
    return {
      name: row.service,
      program: row.command === 'error' && row.service === 'retry' ? 'retry' : (row.command as TransportProgram),
      limit: row.maxProcesses ?? otherwise,
      parameters,
      command: row.command === 'pipe' ? pipeCommand(row, parameters, folder, faults) : null,
    };
  });
  const spawned = rows
    .filter(({ type, command }) => (type === 'unix' || type === 'inet') && command === 'spawn')
    .map((row): [string, SpawnService] => [
      row.service,
      {
        endpoint: row.type === 'inet' ? endpointOf(row, parametersOf(row)) : null,
        name: row.service,
        limit: row.maxProcesses ?? otherwise,
        command: spawnCommand(row, parametersOf(row), folder, faults),
      },
    ]);
  const socketPath = (path: string): string => (isAbsolute(path) ? path : join(queue, path));
  return {
    transports: createTransports({
      parameters: main,
      rows: transports,
      socketPath,
      isOwnSocket: (path) => ownSockets.has(path),
    }),
    spawned: new Map(spawned),
    faults,
  };
}

/** Null if the row's endpoint is none, which is a fault already. */
function endpointOf({ service }: MasterRow, parameters: MainParameters): SpawnService['endpoint'] {
  const endpoint = parseEndpoint(service, portNamesOf(parameters));
  if (typeof endpoint === 'string') return null;
  const interfaces = endpoint.address === undefined ? parameters.list('inet_interfaces') : [endpoint.address];
  return { addresses: listenAddresses(interfaces, parameters.list('inet_protocols')), port: endpoint.port };
}
