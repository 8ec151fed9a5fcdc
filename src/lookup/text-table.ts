/**
 * The text of an indexed table (postmap(1)): `key white-space value` on logical lines. One parser for
 * hash, btree, texthash, lmdb, cdb, dbm and sdbm, none of which needs an index here.
 *
 * Keys are compared in lower case. White space in double quotes or after a backslash is part of the key, which keeps
 * these.
 */
import { tableLines } from './logical-lines.ts';
import type { Steps } from './steps.ts';
import { type Entry, entryMap, type TableContent } from './table-entries.ts';

/** Linear in the length of the text. */
export function parseTextTable(text: string, file: string): Steps<TableContent> {
  return entryMap(textEntries(text), file);
}

/** Most keys have neither. */
const PLAIN_KEY = /^[^\s"\\]*(?=\s|$)/;
const QUOTED_KEY = /^(?:[^"\s\\]|\\(?:.|$)|"(?:[^"\\]|\\.)*")*(?=\s|$)/;

export function* textEntries(text: string): Generator<Entry> {
  for (const { text: line, line: number } of tableLines(text)) {
    const key = (PLAIN_KEY.exec(line) ?? QUOTED_KEY.exec(line))?.[0];
    if (key === undefined) {
      yield {
        key: '',
        value: '',
        line: number,
        problem: `"${line.slice(0, 60)}": a double quote of the key is never closed: this line is ignored`,
      };
      continue;
    }
    const value = line.slice(key.length).trim();
    if (key === '')
      yield {
        key,
        value,
        line: number,
        problem: 'expected "key value"; the first line of a table cannot begin with white space',
      };
    else if (value === '')
      yield { key, value, line: number, problem: `"${key.slice(0, 80)}": expected "key value": this line is ignored` };
    else yield { key, value, line: number };
  }
}
