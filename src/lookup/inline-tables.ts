/** Tables without a file: inline, static and randmap have their content in their name; environ, fail, unix. */
import { groupContent, splitTexts } from './split-list.ts';
import { TableFault, TableUnavailableError } from './table-fault.ts';
import type { TableType } from './table-type.ts';

/** `inline:{key=value, {key = value with spaces}}` (DATABASE_README). */
export const inlineTable: TableType = {
  doc: "keys and values in the table's name: inline:{key=value, {key = a value}}",
  open(name, argument) {
    const content = groupContent(argument);
    if (content === undefined || content === '') throw new TableFault(name, 0, 'expected inline:{key=value, …}');
    const entries = new Map<string, string>();
    for (const item of splitTexts(content)) {
      const text = groupContent(item) ?? item;
      const equals = text.indexOf('=');
      const key = text.slice(0, Math.max(0, equals)).trim();
      if (key === '' || key.startsWith('{'))
        throw new TableFault(
          name,
          0,
          `"${text.slice(0, 60)}": expected key=value; put values with white space in braces: {key = a value}`,
        );
      entries.set(key.toLowerCase(), text.slice(equals + 1).trim());
    }
    return {
      name,
      wholeKeyOnly: false,
      get: (key) => entries.get(key.toLowerCase()),
      entries: () => entries,
      fixed: true,
    };
  },
};

/** `static:value` or `static:{ a value }`: the same result for every key. */
export const staticTable: TableType = {
  doc: 'the same value for every key: static:value',
  open(name, argument) {
    const value = groupContent(argument) ?? argument;
    return { name, wholeKeyOnly: true, get: () => value, entries: () => [['', value]], fixed: true };
  },
};

/** `randmap:{value, value}`: one of the values for every key, at random. */
export const randomTable: TableType = {
  doc: 'one of several values, at random: randmap:{value, value}',
  open(name, argument) {
    const values = splitTexts(groupContent(argument) ?? '');
    if (values.length === 0) throw new TableFault(name, 0, 'expected randmap:{value, value, …}');
    return {
      name,
      wholeKeyOnly: true,
      get: () => values[Math.floor(Math.random() * values.length)],
      entries: () => values.map((value) => ['', value]),
      fixed: true,
    };
  },
};

/** `environ:anything`: the server's environment. Keys are in lower case here too, so only such variables are found. */
export const environmentTable: TableType = {
  doc: 'variables of the environment whose names are in lower case: environ:environ',
  open: (name) => ({ name, wholeKeyOnly: false, get: (key) => process.env[key.toLowerCase()] }),
};

/** `fail:anything`: no lookup succeeds; to try what happens then. */
export const failingTable: TableType = {
  doc: 'fails temporarily for every key: fail:anything',
  open: (name) => ({
    name,
    wholeKeyOnly: true,
    get: () => {
      throw new TableUnavailableError(`${name}: fails, as its type says`);
    },
  }),
};

/**
 * `unix:passwd.byname` and `unix:group.byname`: system accounts do not receive mail here; mail accounts are in the
 * store.
 */
export const unixTable: TableType = {
  doc: 'always empty here: accounts are in the store, not in /etc/passwd',
  open(name, argument) {
    if (argument !== 'passwd.byname' && argument !== 'group.byname')
      throw new TableFault(name, 0, 'expected unix:passwd.byname or unix:group.byname');
    return { name, wholeKeyOnly: false, get: () => undefined, entries: () => [], fixed: true };
  },
};
