/** Lookup tables named on a command line, opened as the server opens them. */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { findFolder } from '../../config/folder.ts';
import { thisMachine } from '../../config/machine.ts';
import { PathResolver } from '../../config/paths.ts';
import { unlessMacroError } from '../../config/postfix/macro.ts';
import type { MainParameters } from '../../config/postfix/parameters-reader.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { TableFault } from '../../lookup/table-fault.ts';
import { SharedTables } from '../../lookup/tables.ts';
import { connectTable } from '../../net/table-connection.ts';
import { Fatal, warn } from './command.ts';

export interface CommandTables {
  /** The name of the command. */
  readonly command: string;
  readonly parameters: MainParameters;
  /** The table's name with its type: `default_database_type` where the command line gives none. */
  nameOf(text: string): string;
  open(name: string): LookupTable;
}

export interface CommandTablesOptions {
  /** Every text is that of an alias file; otherwise those that main.cf names as such. */
  readonly aliases: boolean;
  /** Lines that are ignored are told. Postfix tells of them when it makes the index, if the table has one. */
  readonly checks: boolean;
  /** Wrong rules are left out; otherwise their table is refused, as by the server. */
  readonly skipsWrongRules?: boolean;
}

/** Throws Fatal for what Postfix cannot open either. */
export function commandTables(
  command: string,
  directory: string,
  { aliases, checks, skipsWrongRules = false }: CommandTablesOptions,
): CommandTables {
  const { parameters } = showMainCf({ directory, ...thisMachine() });
  const named = unlessMacroError(() => [...parameters.list('alias_maps'), ...parameters.list('alias_database')], []);
  const files = new Set(named.map(fileOf));
  const paths = new PathResolver(findFolder(resolve(directory)).directory);
  const resolvePath = (path: string): string =>
    isAbsolute(path) || !existsSync(path) ? paths.resolve(path) : resolve(path);
  const typed = (text: string): string =>
    text.includes(':') ? text : `${parameters.string('default_database_type')}:${text}`;
  const opened = new Map<string, LookupTable>();
  return {
    command,
    parameters,
    nameOf: typed,
    open(name) {
      const known = opened.get(name);
      if (known !== undefined) return known;
      const tell = (message: string): void => {
        if (checks || /(?:^|[^a-z])(?:texthash|regexp|pcre|cidr):/.test(name)) warn(command, message);
      };
      const tables = new SharedTables({
        resolvePath,
        log: { info: () => {}, warn: (_fields, message) => tell(message) },
        skipsWrongRules,
        clock: Date.now,
        aliasTables: aliases || files.has(fileOf(name)) ? [name] : [],
        connect: connectTable,
      });
      try {
        const table = tables.open(name);
        opened.set(name, table);
        return table;
      } catch (error) {
        if (!(error instanceof TableFault)) throw error;
        const place = error.line > 0 ? `${error.file}, line ${error.line}` : error.file;
        for (const { line, message } of error.further) warn(command, `${error.file}, line ${line}: ${message}`);
        throw new Fatal(`${place}: ${error.message}`);
      }
    },
  };
}

/** `/etc/aliases` of `proxy:hash:/etc/aliases`. */
const fileOf = (name: string): string => name.replace(/^(?:[a-z0-9]+:\s*)+/, '');
