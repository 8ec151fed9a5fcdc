/**
 * Opens `type:name` tables once and shares them (DATABASE_README). `proxy:type:name` equals `type:name`:
 * a single process needs no proxy.
 */

import { counters } from '../counters.ts';
import { ownValue } from '../own-value.ts';
import { type Place, type Trace, trace } from '../tracing.ts';
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

  /** What `LookupTable.stale` says of those that are open. */
  stale(): readonly string[] {
    return [...this.#opened.values()].flatMap((table) => table.stale?.() ?? []);
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
      const table = watched(openNew(plain, this.#context));
      this.#opened.set(plain, table);
      return table;
    } finally {
      this.#nesting -= 1;
    }
  }
}

/** A table that says, to whoever watches, what it was asked and what it answered. */
function watched(table: LookupTable): LookupTable {
  const { name, wholeKeyOnly, fixed } = table;
  const tell = (watcher: Trace, key: string, value: string | undefined): string | undefined => {
    // Finding the place reads the file.
    const place = watcher.hypothetical && value !== undefined ? placeOf(table, key) : null;
    watcher.add({ kind: 'lookup', table: name, key, value: value ?? null, place });
    return value;
  };
  return {
    name,
    wholeKeyOnly,
    get(key) {
      const watcher = trace();
      const value = counted(table, key);
      if (watcher === null) return value;
      return value instanceof Promise ? value.then((one) => tell(watcher, key, one)) : tell(watcher, key, value);
    },
    ...(table.entries === undefined ? {} : { entries: () => table.entries?.() ?? [] }),
    ...(fixed === undefined ? {} : { fixed }),
    where: (key) => table.where?.(key) ?? null,
    stale: () => table.stale?.() ?? null,
    close: () => table.close?.(),
  };
}

/** A lookup whose failure is counted. */
function counted(table: LookupTable, key: string): ReturnType<LookupTable['get']> {
  try {
    const value = table.get(key);
    return value instanceof Promise ? value.catch((error: unknown) => failed(table, error)) : value;
  } catch (error) {
    return failed(table, error);
  }
}

function failed({ name }: LookupTable, error: unknown): never {
  counters.tableFailures.count(name);
  throw error;
}

/** Null if the file cannot be read any more. */
function placeOf(table: LookupTable, key: string): Place | null {
  try {
    return table.where?.(key) ?? null;
  } catch {
    return null;
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
