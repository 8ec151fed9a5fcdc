/** The table types by name; `postconf -m` lists this table. A new type is a file in this folder and a row here. */
import { cidrTable } from './cidr-table.ts';
import { pipeTable, unionTable } from './combined-tables.ts';
import { ldapTable } from './database/ldap.ts';
import { mongodbTable } from './database/mongodb.ts';
import { mysqlTable } from './database/mysql.ts';
import { pgsqlTable } from './database/pgsql.ts';
import { sqliteTable } from './database/sqlite.ts';
import { fileTable } from './file-table.ts';
import { environmentTable, failingTable, inlineTable, randomTable, staticTable, unixTable } from './inline-tables.ts';
import { patternTable } from './pattern-table.ts';
import { socketMapTable, tcpTable } from './remote-tables.ts';
import type { TableType } from './table-type.ts';

export const tableTypes: Readonly<Record<string, TableType>> = {
  btree: fileTable,
  cdb: fileTable,
  cidr: cidrTable,
  dbm: fileTable,
  environ: environmentTable,
  fail: failingTable,
  hash: fileTable,
  inline: inlineTable,
  ldap: ldapTable,
  lmdb: fileTable,
  mongodb: mongodbTable,
  mysql: mysqlTable,
  pcre: patternTable('pcre'),
  pgsql: pgsqlTable,
  pipemap: pipeTable,
  randmap: randomTable,
  regexp: patternTable('regexp'),
  sdbm: fileTable,
  socketmap: socketMapTable,
  sqlite: sqliteTable,
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
