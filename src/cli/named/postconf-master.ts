/** `postconf -M`, `-F` and `-P`: the entries of master.cf, their columns, and their `-o` settings. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { thisMachine } from '../../config/machine.ts';
import {
  COMMAND_FIELD,
  type Edited,
  editMasterCf,
  entryName,
  entryOf,
  FIELD_NAMES,
  fieldOf,
  foldedCommand,
  formatEntry,
  type MasterEntry,
  masterEntries,
  overridesOf,
  withField,
  withOverride,
} from '../../config/postfix/master-entries.ts';
import type { MainParameters } from '../../config/postfix/parameters-reader.ts';
import { expandedRows, formatRows, type PostconfRow } from '../../config/postfix/postconf.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import { type Call, Fatal, isGiven, warn } from './command.ts';
import { replaceFile } from './postconf-edit.ts';

type Mode = 'M' | 'F' | 'P';

/** Parts of a name: service and type, and of -F and -P the column or parameter. */
const PARTS: Readonly<Record<Mode, number>> = { M: 2, F: 3, P: 3 };

const WORDS: Readonly<Record<Mode, string>> = {
  M: 'service_name[/type]',
  F: 'service_name[/type[/field]]',
  P: 'service_name[/type[/parameter]]',
};

export function masterMode(call: Call): number {
  const mode = (['M', 'F', 'P'] as const).find((letter) => isGiven(call, letter)) ?? 'M';
  const path = join(call.where.config, 'master.cf');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const how = ['X', '#', 'e'].find((letter) => isGiven(call, letter));
  if (how !== undefined || call.operands.some((word) => word.includes('='))) {
    replaceFile(path, edit(call, mode, how ?? 'e', text));
    return 0;
  }
  show(call, mode, masterEntries(text));
  return 0;
}

/** A name on the command line; `*` stands for any part. */
interface Request {
  readonly text: string;
  readonly parts: readonly string[];
}

function requestOf(text: string, mode: Mode): Request {
  const parts = text.split('/');
  // The name of a service may be a path.
  if (parts.length > PARTS[mode] || parts.some((part) => part === ''))
    throw new Fatal(`-${mode} option requires ${WORDS[mode]}`);
  const [, , field] = parts;
  if (mode === 'F' && field !== undefined && field !== '*' && !FIELD_NAMES.includes(field))
    throw new Fatal(`invalid service attribute name: "${field}"`);
  return { text, parts };
}

const fits = ({ parts }: Request, names: readonly string[]): boolean =>
  parts.every((part, index) => part === '*' || part === names[index]);

function show(call: Call, mode: Mode, entries: readonly MasterEntry[]): void {
  const main =
    mode !== 'M' && isGiven(call, 'x')
      ? showMainCf({ directory: call.where.config, ...thisMachine() }).parameters
      : null;
  const lines = entries.flatMap((entry) => linesOf(call, mode, entry, main));
  const requests = call.operands.map((word) => requestOf(word, mode));
  const isAsked = (line: Line): boolean => requests.some((request) => fits(request, line.names));
  for (const { text } of lines.filter((line) => requests.length === 0 || isAsked(line))) console.log(text);
  for (const request of requests)
    if (!lines.some((line) => fits(request, line.names))) warn(call.name, `unmatched request: "${request.text}"`);
}

interface Line {
  readonly names: readonly string[];
  readonly text: string;
}

/** `main`: what values are expanded with; null if they are not. */
function linesOf(call: Call, mode: Mode, entry: MasterEntry, main: MainParameters | null): Line[] {
  const [service = '', type = ''] = entry.columns;
  const fold = isGiven(call, 'f');
  if (mode === 'M') return [{ names: [service, type], text: formatEntry(entry, { fold }) }];
  const values =
    mode === 'F' ? FIELD_NAMES.map((name) => [name, fieldOf(entry, name)] as const) : [...overridesOf(entry)];
  const rows = values.map(([name, value]): PostconfRow => ({ name, value }));
  // The settings of the entry itself count too.
  const shown = main === null ? rows : expandedRows(main.withOverrides(overridesOf(entry)), rows);
  const format = { valuesOnly: isGiven(call, 'h'), namesOnly: isGiven(call, 'H'), fold };
  return shown.map(({ name, value }) => ({
    names: [service, type, name],
    text:
      fold && name === COMMAND_FIELD && !format.namesOnly
        ? foldedCommand(format.valuesOnly ? '' : `${entryName(entry)}/${name} = `, entry)
        : formatRows([{ name: `${entryName(entry)}/${name}`, value }], format).trimEnd(),
  }));
}

function edit(call: Call, mode: Mode, how: string, text: string): string {
  if (call.operands.length === 0)
    throw new Fatal(how === 'e' ? '-e requires name=value argument' : 'missing service argument');
  return call.operands.reduce((before, word) => editOne(call, mode, how, word, before), text);
}

function editOne(call: Call, mode: Mode, how: string, word: string, text: string): string {
  const equals = word.indexOf('=');
  if (how === 'e' && equals < 0) throw new Fatal(`missing '=' after attribute name: "${word}"`);
  const request = requestOf((how === 'e' ? word.slice(0, equals) : word).trim(), mode);
  const value = how === 'e' ? word.slice(equals + 1).trim() : null;
  if (/[\n\r\0]/.test(word)) throw new Fatal('-e accepts one line per setting');
  const [service = '', type, name] = request.parts;
  if (type === undefined || (mode !== 'M' && name === undefined))
    throw new Fatal(`-${mode}${how} option requires ${WORDS[mode].replaceAll(/[[\]]/g, '')}`);
  if (mode === 'P' && value !== null && /\s/.test(value))
    throw new Fatal('-Pe does not accept whitespace in parameter value');
  let isFound = false;
  const change = (entry: MasterEntry): Edited => {
    if (!fits({ text: word, parts: [service, type] }, entry.columns)) return entry;
    isFound = true;
    if (mode === 'P') return withOverride(entry, name ?? '', value);
    if (value === null) return how === 'X' ? 'removed' : 'remark';
    return mode === 'F' ? withColumn(entry, name ?? '', value) : { line: whole(value) };
  };
  const edited = editMasterCf(text, change);
  if (isFound) return edited;
  if (mode === 'M' && value !== null) return editMasterCf(text, (entry) => entry, [whole(value)]);
  warn(call.name, `unmatched request: "${word}"`);
  return text;
}

function withColumn(entry: MasterEntry, name: string, value: string): MasterEntry {
  const changed = withField(entry, name, value);
  if (changed === undefined) throw new Fatal(`missing value of "${name}"`);
  return changed;
}

/** An entry given on the command line, as it is printed. */
function whole(value: string): string {
  const entry = entryOf(value);
  if (entry === undefined) throw new Fatal(`"${value}": expected the 8 columns of a master.cf entry`);
  return formatEntry(entry, { fold: false });
}
