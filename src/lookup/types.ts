/** The table types by name; `postconf -m` lists this table. A new type is a file in this folder and a row here. */
import { cidrTable } from './cidr-table.ts';
import { pipeTable, unionTable } from './combined-tables.ts';
import { fileTable } from './file-table.ts';
import { inlineTable, staticTable, unixTable } from './inline-tables.ts';
import { patternTable } from './pattern-table.ts';
import { socketMapTable, tcpTable } from './remote-tables.ts';
import type { TableType } from './table-type.ts';

export const tableTypes: Readonly<Record<string, TableType>> = {
  btree: fileTable,
  cdb: fileTable,
  cidr: cidrTable,
  dbm: fileTable,
  hash: fileTable,
  inline: inlineTable,
  lmdb: fileTable,
  pcre: patternTable('pcre'),
  pipemap: pipeTable,
  regexp: patternTable('regexp'),
  socketmap: socketMapTable,
  static: staticTable,
  tcp: tcpTable,
  texthash: fileTable,
  unionmap: unionTable,
  unix: unixTable,
};

/** The type of which `name` may be a misspelling: one letter wrong, missing or added, or two swapped. */
export function nearestType(name: string): string | undefined {
  const sorted = [...name].sort().join('');
  return Object.keys(tableTypes).find((type) => [...type].sort().join('') === sorted || oneEdit(type, name));
}

function oneEdit(a: string, b: string): boolean {
  let head = 0;
  while (head < a.length && head < b.length && a.charAt(head) === b.charAt(head)) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  return a.length - head - tail <= 1 && b.length - head - tail <= 1;
}
