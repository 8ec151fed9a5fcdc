/**
 * A table's own value for a key from outside; undefined if it has none. Every object inherits `constructor`, `toString`
 * and others, which a key from a file or a client must not find.
 */
export const ownValue = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;
