/**
 * Opens `type:name` tables once and shares them (DATABASE_README). `proxy:type:name` equals `type:name`:
 * a single process needs no proxy.
 */

import { ownValue } from '../own-value.ts';
import type { LookupTable, Tables } from './table.ts';
import { TableFault } from './table-fault.ts';
import type { TableContext } from './table-type.ts';
import { nearestType, tableTypes } from './types.ts';

export interface TablesOptions extends Omit<TableContext, 'tables' | 'isAliasTable'> {
  /** Tables in the format of alias files (`alias_maps`, `alias_database`). */
  readonly aliasTables?: readonly string[];
}

const MAX_TABLES = 10_000;
const MAX_NESTING = 20;

export class SharedTables implements Tables {
  readonly #context: TableContext;
  readonly #opened = new Map<string, LookupTable>();
  #nesting = 0;

  constructor(options: TablesOptions) {
    const aliases = new Set(options.aliasTables?.map(withoutProxy));
    this.#context = { ...options, tables: this, isAliasTable: (name) => aliases.has(name) };
  }

  close(): void {
    for (const table of this.#opened.values()) table.close?.();
  }

  open(name: string): LookupTable {
    // Asked by every access restriction for every command: most names are plain already.
    const same = this.#opened.get(name);
    if (same !== undefined) return same;
    const plain = withoutProxy(name);
    const known = this.#opened.get(plain);
    if (known !== undefined) return known;
    if (this.#opened.size >= MAX_TABLES) throw new TableFault(plain, 0, `more than ${MAX_TABLES} lookup tables`);
    if (this.#nesting >= MAX_NESTING) throw new TableFault(plain.slice(0, 80), 0, 'tables are nested too deeply');
    this.#nesting += 1;
    try {
      const table = openNew(plain, this.#context);
      this.#opened.set(plain, table);
      return table;
    } finally {
      this.#nesting -= 1;
    }
  }
}

/** `hash: /path` and `proxy:hash:/path` as `hash:/path`. */
function withoutProxy(name: string): string {
  return name
    .trim()
    .replace(/^(?:proxy:\s*)+/, '')
    .replace(/^([a-z][a-z0-9]*):\s+/, '$1:');
}

function openNew(name: string, context: TableContext): LookupTable {
  const colon = name.indexOf(':');
  const typeName = colon < 0 ? name : name.slice(0, colon);
  if (colon < 0)
    throw new TableFault(name.slice(0, 80), 0, 'expected a lookup table as type:name, such as hash:/etc/aliases');
  const type = ownValue(tableTypes, typeName);
  if (type === undefined) {
    const hint = nearestType(typeName);
    const known =
      hint === undefined ? `known types are ${Object.keys(tableTypes).join(', ')}` : `did you mean "${hint}"?`;
    throw new TableFault(name.slice(0, 80), 0, `there is no table type "${typeName.slice(0, 40)}"; ${known}`);
  }
  const argument = name.slice(colon + 1);
  if (argument === '') throw new TableFault(name, 0, `a name is missing after "${typeName}:"`);
  return type.open(name, argument, context);
}
