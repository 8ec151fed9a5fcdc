/** What the tables of SQL servers have in common. */
import type { LookupTable } from '../table.ts';
import { type ClientFile, text } from './client-file.ts';
import { type QueryTable, queryTable, templateOf } from './query-table.ts';
import type { Servers } from './servers.ts';
import { Template } from './template.ts';

/** The settings of the query: `query`, or the older ones that it is made of. */
export const QUERY = {
  query: text(),
  select_field: text(),
  table: text(),
  where_field: text(),
  additional_conditions: text(),
} as const;

/** Throws TableFault. */
export function queryOf(file: ClientFile<keyof typeof QUERY>): Template {
  if (file.has('query')) return templateOf(file, 'query');
  for (const name of ['select_field', 'table', 'where_field'] as const)
    if (!file.has(name)) throw file.fault('query', 'is missing: which SQL statement finds a key?');
  const [field, table, where] = [file.text('select_field'), file.text('table'), file.text('where_field')];
  return new Template(`SELECT ${field} FROM ${table} WHERE ${where} = '%s' ${file.text('additional_conditions')}`);
}

export interface SqlTable extends Pick<QueryTable, 'name' | 'file' | 'context'> {
  readonly query: Template;
  /** A value as it stands inside quotes of the statement. */
  readonly quote: (value: string) => string;
  readonly servers: Servers<string, readonly string[]>;
}

/** A table whose statement is made for each key, and sent to one of its servers. */
export const sqlTable = ({ query, quote, servers, ...table }: SqlTable): LookupTable =>
  queryTable({
    ...table,
    fits: (key) => query.fits(key),
    ask: async (key) => {
      const statement = query.expand(key, key, quote);
      return statement === undefined ? [] : servers.ask(statement);
    },
    close: () => servers.close(),
  });
