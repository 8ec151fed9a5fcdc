/** A list of names in main.cf syntax (Postfix: string_list in match_list(3)): the first item that fits decides. */
import type { Tables } from './table.ts';

/**
 * Whether a name is in a list of names, `!` for exceptions and `type:table` (the configuration has expanded `/file`
 * items). A promise only if a table has to be waited for, which rejects if it cannot answer now.
 */
export function namesInclude(items: readonly string[], name: string, tables: Tables): boolean | Promise<boolean> {
  for (const [i, item] of items.entries()) {
    const pattern = item.replace(/^!+/, '');
    const found = pattern.includes(':') ? tables.open(pattern).get(name) : undefined;
    if (found instanceof Promise)
      return found.then((value) =>
        value === undefined ? namesInclude(items.slice(i + 1), name, tables) : !item.startsWith('!'),
      );
    if (found !== undefined || pattern.toLowerCase() === name.toLowerCase()) return !item.startsWith('!');
  }
  return false;
}
