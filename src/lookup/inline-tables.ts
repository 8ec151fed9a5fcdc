/** Tables whose content is in their name: inline, static; and unix, which is always empty here. */
import { groupContent, splitTexts } from './split-list.ts';
import { TableFault } from './table-fault.ts';
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
      if (key === '')
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
