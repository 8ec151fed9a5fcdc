/** Tables made of other tables: unionmap joins all their results; pipemap uses each result as the key of the next. */
import { groupContent, splitTexts } from './split-list.ts';
import type { LookupTable } from './table.ts';
import { TableFault } from './table-fault.ts';
import type { TableContext, TableType } from './table-type.ts';

const MAX_MEMBERS = 100;

function members(name: string, argument: string, context: TableContext): readonly LookupTable[] {
  const items = splitTexts(groupContent(argument) ?? '');
  if (items.length === 0) throw new TableFault(name, 0, `expected ${name.split(':', 1)[0]}:{type:name, type:name, …}`);
  if (items.length > MAX_MEMBERS) throw new TableFault(name, 0, `more than ${MAX_MEMBERS} tables`);
  return items.map((item) => context.tables.open(groupContent(item) ?? item));
}

const isHere = (answer: ReturnType<LookupTable['get']>): answer is string | undefined => !(answer instanceof Promise);

/** `unionmap:{type:name, …}`: the results of all tables, joined by commas. */
export const unionTable: TableType = {
  doc: 'the results of several tables, joined by commas: unionmap:{type:name, type:name}',
  open(name, argument, context) {
    const tables = members(name, argument, context);
    const join = (answers: readonly (string | undefined)[]): string | undefined => {
      const found = answers.filter((answer) => answer !== undefined);
      return found.length === 0 ? undefined : found.join(',');
    };
    return {
      name,
      wholeKeyOnly: tables.every((table) => table.wholeKeyOnly),
      get(key) {
        const answers = tables.map((table) => table.get(key));
        return answers.every(isHere) ? join(answers) : Promise.all(answers).then(join);
      },
    };
  },
};

/** `pipemap:{type:name, …}`: the result of the first table is the key for the second one, and so on. */
export const pipeTable: TableType = {
  doc: 'each table is looked up with the result of the previous one: pipemap:{type:name, type:name}',
  open(name, argument, context) {
    const tables = members(name, argument, context);
    const from = (index: number, key: string): string | undefined | Promise<string | undefined> => {
      const table = tables[index];
      if (table === undefined) return key;
      const answer = table.get(key);
      if (answer instanceof Promise)
        return answer.then((value) => (value === undefined ? undefined : from(index + 1, value)));
      return answer === undefined ? undefined : from(index + 1, answer);
    };
    return { name, wholeKeyOnly: tables[0]?.wholeKeyOnly ?? false, get: (key) => from(0, key) };
  },
};
