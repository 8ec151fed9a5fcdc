/**
 * The text of an indexed table (postmap(1)): `key white-space value` on logical lines. One parser for
 * hash, btree, texthash, lmdb, cdb and dbm, none of which needs an index here.
 *
 * Keys are compared in lower case. A key in double quotes may contain white space and keeps its quotes.
 */
import { logicalLines } from './logical-lines.ts';
import type { Steps } from './steps.ts';
import { type Entry, entryMap, type TableContent } from './table-entries.ts';

/** Linear in the length of the text. */
export function parseTextTable(text: string, file: string): Steps<TableContent> {
  return entryMap(textEntries(text), file);
}

const QUOTED_KEY = /^(?:[^"\s\\]|\\.|"(?:[^"\\]|\\.)*")+/;

function* textEntries(text: string): Generator<Entry> {
  for (const { text: line, line: number } of logicalLines(text)) {
    const key = line.startsWith('"') ? (QUOTED_KEY.exec(line)?.[0] ?? '') : (/^\S*/.exec(line)?.[0] ?? '');
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
