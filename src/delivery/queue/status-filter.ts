/**
 * Replaces the status code and text of a delivery as tables say (default_delivery_status_filter and those of single
 * delivery agents). A success stays a success, and a failure a failure.
 */
import type { Log } from '../../log.ts';
import type { ListName, ParameterReader } from '../../lookup/parameters.ts';
import type { LookupTable, Tables } from '../../lookup/table.ts';
import { type Reply, reply } from '../../mail/status.ts';
import type { Program } from './program.ts';

export type StatusFilter = (program: Program, answer: Reply) => Reply | Promise<Reply>;

const PARAMETERS: Readonly<Partial<Record<Program, ListName>>> = {
  smtp: 'smtp_delivery_status_filter',
  lmtp: 'lmtp_delivery_status_filter',
  local: 'local_delivery_status_filter',
  pipe: 'pipe_delivery_status_filter',
};

const RESULT = /^([245])(\.\d{1,3}\.\d{1,3})\s+(.+)$/s;

export function createStatusFilter(parameters: ParameterReader, tables: Tables, log: Log): StatusFilter {
  const open = (name: ListName): readonly LookupTable[] => parameters.list(name).map((table) => tables.open(table));
  const filters = new Map(Object.entries(PARAMETERS).map(([program, name]) => [program, { name, tables: open(name) }]));

  async function ask(name: string, asked: readonly LookupTable[], answer: Reply): Promise<Reply> {
    const line = `${answer.enhanced || `${Math.floor(answer.code / 100)}.0.0`} ${answer.text}`;
    for (const table of asked) {
      const result = await table.get(line);
      if (result !== undefined) return replaced(name, table, answer, result);
    }
    return answer;
  }

  function replaced(name: string, table: LookupTable, answer: Reply, result: string): Reply {
    const [, kind = '', detail = '', text = ''] = RESULT.exec(result) ?? [];
    if (kind === '' || (kind === '2') !== answer.code < 300) {
      log.warn({ table: table.name }, `${name}: ${table.name}: "${result.slice(0, 200)}" cannot replace a status`);
      return answer;
    }
    return reply({ 2: 250, 4: 450, 5: 550 }[kind] ?? answer.code, `${kind}${detail}`, text);
  }

  return (program, answer) => {
    const filter = filters.get(program);
    return filter === undefined || filter.tables.length === 0 ? answer : ask(filter.name, filter.tables, answer);
  };
}
