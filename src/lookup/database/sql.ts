/** The query of SQL tables: `query`, or the older settings that it is made of. */
import { type ClientFile, text } from './client-file.ts';
import { templateOf } from './query-table.ts';
import { Template } from './template.ts';

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
