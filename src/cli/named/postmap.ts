/**
 * `postmap`, `postalias` and `newaliases`: ask tables, list them, and check the text of those that need no index here
 * (postmap(1), postalias(1)). Requirement P4.
 */
import { createInterface } from 'node:readline';
import { messageOf } from '../../errors.ts';
import type { LookupTable } from '../../lookup/table.ts';
import { isNotUtf8 } from '../../lookup/table-entries.ts';
import { type Call, Fatal, isGiven, type NamedCommand, UsageFault, valuesOf, warn } from './command.ts';
import { type CommandTables, commandTables } from './lookup.ts';

/** What differs between the two commands. */
interface Kind {
  readonly aliases: boolean;
  /** Between a key and its value in a listing. */
  readonly separator: string;
}

const MAP: Kind = { aliases: false, separator: '\t' };
const ALIASES: Kind = { aliases: true, separator: ':\t' };

export const postmap: NamedCommand = {
  letters: 'bfFhimnNoprsuUvwc:d:q:',
  folder: 'c',
  usage: 'postmap [-bfFhimnNoprsuUvw] [-c config_dir] [-d key] [-q key] [map_type:]file...',
  failure: 1,
  run: (call) => work(call, MAP),
};

export const postalias: NamedCommand = {
  letters: 'finNoprsuvwc:d:q:',
  folder: 'c',
  usage: 'postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file...',
  failure: 1,
  run: (call) => work(call, ALIASES),
};

export const newaliases: NamedCommand = {
  letters: 'C:v',
  folder: 'C',
  usage: 'newaliases [-C config_dir]',
  failure: 75,
  async run(call) {
    const tables = commandTables(call.name, call.where.config, { aliases: true, checks: true });
    for (const name of tables.parameters.list('alias_database')) check(tables, name);
    return 0;
  },
};

/** Options that look into a message on standard input (postmap -q - -bhm). */
const MESSAGE_LETTERS = ['b', 'h', 'm', 'F'];

async function work(call: Call, kind: Kind): Promise<number> {
  const keys = valuesOf(call, 'q');
  const list = isGiven(call, 's');
  const modes = call.options.filter(([letter]) => 'sqd'.includes(letter));
  if (modes.length > 1) throw new Fatal(`specify only one of -s ${modes[1]?.[0] === 's' ? 'or ' : ''}-q or -d`);
  // Beside a question, Postfix ignores -i and -r.
  for (const letter of keys.length > 0 || list ? [] : ['d', 'i', 'r'])
    if (isGiven(call, letter))
      throw new Fatal(`-${letter} changes an index, and there is none here: edit the text, which is read directly`);
  const message = MESSAGE_LETTERS.find((letter) => isGiven(call, letter));
  if (message !== undefined)
    throw new Fatal(`-${message} is not supported; give a header or a line of the body as the key of -q`);
  if (call.operands.length === 0) throw new UsageFault();
  const tables = commandTables(call.name, call.where.config, {
    aliases: kind.aliases,
    checks: keys.length === 0 && !list,
    skipsWrongRules: keys.length > 0 || list,
  });
  const names = call.operands.map(tables.nameOf);
  const [key] = keys;
  if (key === '-') return askAll(tables, names, kind);
  if (key !== undefined) {
    const value = await find(tables, names, key);
    if (value !== undefined) console.log(value);
    return value === undefined ? 1 : 0;
  }
  if (!list) for (const name of names) check(tables, name);
  else for (const name of names) listAll(name, tables.open(name), kind);
  return 0;
}

/** The value in the first table that has the key. */
async function find(tables: CommandTables, names: readonly string[], key: string): Promise<string | undefined> {
  for (const name of names) {
    const table = tables.open(name);
    if (key === '' && !table.wholeKeyOnly) continue;
    if (isNotUtf8(key)) {
      warn(tables.command, `${name}: non-UTF-8 key "${key.replaceAll('\ufffd', '?')}"`);
      continue;
    }
    try {
      const value = await table.get(key);
      if (value !== undefined) return value;
    } catch (error) {
      throw new Fatal(`table ${name}: query error: ${messageOf(error)}`);
    }
  }
  return undefined;
}

/** A key on each line of standard input. */
async function askAll(tables: CommandTables, names: readonly string[], kind: Kind): Promise<number> {
  let found = false;
  for await (const key of createInterface({ input: process.stdin, crlfDelay: 0 })) {
    const value = await find(tables, names, key);
    if (value === undefined) continue;
    found = true;
    process.stdout.write(`${key}${kind.separator}${value}\n`);
  }
  return found ? 0 : 1;
}

function listAll(name: string, table: LookupTable, kind: Kind): void {
  if (table.entries === undefined || table.wholeKeyOnly)
    throw new Fatal(`table ${name}: sequence operation is not supported`);
  for (const [key, value] of table.entries()) process.stdout.write(`${key}${kind.separator}${value}\n`);
}

/** Where Postfix would make an index. */
function check(tables: CommandTables, name: string): void {
  tables.open(name);
  console.log(`${name}: checked; no index is needed: its text is read directly`);
}
