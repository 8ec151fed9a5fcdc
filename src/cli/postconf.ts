/** `posthorn postconf`: the settings of main.cf and their effective values (postconf(1)). */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { PostconfRow } from '../config/postfix/postconf.ts';
import { printJson } from './output.ts';
import { type PlaceOptions, place, withPlace } from './place.ts';

interface PostconfOptions extends PlaceOptions {
  readonly defaults: boolean;
  readonly nonDefault: boolean;
  readonly tableTypes: boolean;
  readonly serverSasl: boolean;
  readonly clientSasl: boolean;
  readonly edit: boolean;
  readonly hideNames: boolean;
  readonly expand: boolean;
  readonly states: boolean;
}

export function addPostconfCommand(program: Command): void {
  withPlace(program.command('postconf [names...]').description('show or edit parameters of main.cf'))
    .option('-d, --defaults', 'the defaults', false)
    .option('-n, --non-default', 'only what main.cf sets', false)
    .option('-m, --table-types', 'types of lookup tables', false)
    .option('-a, --server-sasl', 'SASL types of the server', false)
    .option('-A, --client-sasl', 'SASL types of the client', false)
    .option('-e, --edit', 'set name=value in main.cf; comments are kept', false)
    .option('-h, --hide-names', 'values only', false)
    .option('-x, --expand', 'values with every $name replaced', false)
    .option('--states', 'how many parameters act, have no meaning here, and are not supported yet', false)
    .helpOption('--help', 'display help for command')
    .action(async (names: string[], options: PostconfOptions) => {
      const where = place(options);
      if (options.states) {
        const { describeCounts, stateCounts } = await import('../config/postfix/parameter-reference.ts');
        if (where.json) printJson(stateCounts());
        else console.log(describeCounts(stateCounts()));
        return;
      }
      const postconf = await import('../config/postfix/postconf.ts');
      const lists: readonly (readonly [boolean, () => readonly string[]])[] = [
        [options.tableTypes, postconf.tableTypeNames],
        [options.serverSasl, () => postconf.serverSaslTypes],
        [options.clientSasl, () => postconf.clientSaslTypes],
      ];
      const list = lists.find(([asked]) => asked)?.[1]();
      if (list !== undefined) {
        if (where.json) printJson(list);
        else console.log(list.join('\n'));
        return;
      }
      const path = join(where.config, 'main.cf');
      if (!existsSync(path)) throw new Error(`${path}: there is no such file; --config names the folder of main.cf`);
      if (options.edit || names.some((name) => name.includes('='))) {
        edit(path, names, postconf);
        return;
      }
      const rows = await readRows(where.config, names, options, postconf);
      if (rows === undefined) {
        process.exitCode = 1;
        return;
      }
      if (where.json) printJson(Object.fromEntries(rows.map(({ name, value }) => [name, value])));
      else process.stdout.write(postconf.formatRows(rows, { valuesOnly: options.hideNames }));
    });
}

type Postconf = typeof import('../config/postfix/postconf.ts');

/** Undefined if main.cf cannot be read; its errors go to standard error. */
async function readRows(
  config: string,
  names: readonly string[],
  options: PostconfOptions,
  postconf: Postconf,
): Promise<readonly PostconfRow[] | undefined> {
  const { showMainCf } = await import('../config/postfix/read-main-cf.ts');
  const { thisMachine } = await import('../config/machine.ts');
  const { formatFault } = await import('../config/fault.ts');
  const { parameters, names: set, unreadable, doubtful } = showMainCf({ directory: config, ...thisMachine() });
  // Defaults do not depend on any file.
  if (unreadable.length > 0 && !options.defaults) {
    for (const fault of unreadable) console.error(`postconf: fatal: ${formatFault(fault)}`);
    return undefined;
  }
  for (const fault of doubtful) console.error(`postconf: warning: ${formatFault(fault)}`);
  let rows = options.nonDefault
    ? postconf.setRows(parameters, set)
    : options.defaults
      ? postconf.defaultRows(parameters)
      : postconf.allRows(parameters, set);
  if (names.length > 0) {
    const asked = postconf.namedRows(parameters, names);
    for (const name of asked.unknown) console.error(`postconf: warning: ${name}: unknown parameter`);
    const chosen = new Map(rows.map((row) => [row.name, row]));
    rows = asked.rows.map((row) => chosen.get(row.name) ?? row);
  }
  return options.expand ? postconf.expandedRows(parameters, rows) : rows;
}

/** Writes a new file beside the old one and replaces it atomically. */
function edit(path: string, texts: readonly string[], postconf: Postconf): void {
  const edits = texts.map((text) => {
    const parsed = postconf.parseEdit(text);
    if (typeof parsed === 'string') throw new Error(`postconf: ${parsed}`);
    return parsed;
  });
  const text = postconf.editMainCf(readFileSync(path, 'utf8'), edits);
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode: statSync(path).mode });
  renameSync(temporary, path);
}
