/**
 * A table's value for a word from outside; undefined where it has none. Every object inherits `constructor`, `toString`
 * and their like: as a word of a file or of a client they must not be found.
 */
export const ownValue = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined =>
  Object.hasOwn(table, word) ? table[word] : undefined;
