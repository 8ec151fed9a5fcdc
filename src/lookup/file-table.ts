/** Table types whose source is a text file of keys and values: hash, btree, texthash, lmdb, cdb, dbm, sdbm. */
import { existsSync } from 'node:fs';
import { aliasEntries, parseAliasFile } from './alias-file.ts';
import { lineOf, type TableContent } from './table-entries.ts';
import type { TableContext, TableType } from './table-type.ts';
import { parseTextTable, textEntries } from './text-table.ts';
import { readTable, type WatchOptions, watchFile } from './watched-file.ts';

export const fileTable: TableType = {
  doc: 'keys and values in a text file, read directly; no index is needed',
  open(name, argument, context) {
    const isAliasFile = context.isAliasTable(name);
    const parse = isAliasFile ? parseAliasFile : parseTextTable;
    const path = context.resolvePath(argument);
    const { current, stale } = watchFile({
      path,
      parse: warning(parse, context),
      log: context.log,
      clock: context.clock,
    });
    return {
      name,
      wholeKeyOnly: false,
      get: (key) => current().entries.get(key.toLowerCase()),
      entries: () => current().entries,
      stale,
      where(key) {
        const line = lineOf((isAliasFile ? aliasEntries : textEntries)(readTable(path)), key);
        return line === undefined ? null : { file: path, line };
      },
    };
  },
};

type Parse = WatchOptions<TableContent>['parse'];

/** Logs ignored lines and missing included files each time the file is read. */
const warning = (parse: Parse, context: TableContext): Parse =>
  function* (text, file) {
    const content = yield* parse(text, file);
    const warn = (line: number, message: string): void =>
      context.log.warn({ file, line }, `${file}:${line}: ${message}`);
    for (const { line, message } of content.problems) warn(line, message);
    for (const { path, line } of content.included ?? [])
      if (!existsSync(context.resolvePath(path)))
        warn(line, `:include:${path}: no such file; mail to this alias waits until it exists`);
    return content;
  };
