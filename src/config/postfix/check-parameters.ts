/**
 * Checks every setting of main.cf and every `-o` of master.cf against the parameter table: names, types, restriction
 * names, lookup tables. Reports all errors at once; changes nothing.
 */
import { networkFault } from '../../lookup/network.ts';
import { type PortNames, portNamesOf } from '../../lookup/ports.ts';
import { splitList, splitTexts } from '../../lookup/split-list.ts';
import { nearest } from '../../nearest.ts';
import type { Fault } from '../fault.ts';
import { checkRestrictions, unknownRestriction } from './check-restrictions.ts';
import { MacroError, references, unlessMacroError } from './macro.ts';
import { transportOf } from './parameters/families.ts';
import { isRaw, MATCH_LISTS, type Row } from './parameters/row.ts';
import { parameterRow, parameterTable } from './parameters.ts';
import type { MainParameters } from './parameters-reader.ts';
import { itemFault, valueFault } from './values.ts';

/** A setting with its location. */
export interface CheckedSetting {
  readonly name: string;
  readonly value: string;
  readonly file: string;
  lineOf(offset: number): number;
  /** The reader in which its `$name`s are expanded. */
  readonly reader: MainParameters;
}

/** A table named by a setting. */
export interface NamedTable {
  readonly table: string;
  readonly parameter: string;
  readonly file: string;
  readonly line: number;
}

export interface ParameterCheck {
  readonly faults: readonly Fault[];
  readonly warnings: readonly Fault[];
  readonly notes: readonly Fault[];
  readonly unknownRestrictions: readonly UnknownRestriction[];
  readonly tables: readonly NamedTable[];
  /** Files from which values are read; `table` is the path. */
  readonly files: readonly NamedTable[];
}

/** A word of a restriction list that only a plugin can define. */
export interface UnknownRestriction {
  readonly name: string;
  /** The unknown word just before it, whose argument it may be; null if there is none. */
  readonly after: string | null;
  /** The known word that was probably meant. */
  readonly hint: string | undefined;
  /** The error to report if no plugin defines it. */
  readonly fault: Fault;
}

/** `services` are the names of master.cf's rows: transports may have parameters of their own. */
export function checkParameters(settings: readonly CheckedSetting[], services: ReadonlySet<string>): ParameterCheck {
  const result: Findings = { faults: [], warnings: [], notes: [], unknownRestrictions: [], tables: [], files: [] };
  const used = new Set(settings.flatMap((setting) => referencesOf(setting.value)));
  for (const setting of settings) {
    const classes = classesOf(setting.reader);
    const row = knownRow(setting.name, services) ?? (classes.has(setting.name) ? RESTRICTION_CLASS : undefined);
    if (row === undefined) reportUnknown(setting, used, result);
    else checkSetting(setting, row, classes, result);
  }
  return result;
}

/**
 * The row of a name, including per-transport parameters: if master.cf has that transport, or if the name is not just a
 * misspelling of a general parameter.
 */
function knownRow(name: string, services: ReadonlySet<string>): Row | undefined {
  const own = parameterTable.get(name);
  const transport = transportOf(name);
  if (own !== undefined || transport === undefined) return own;
  return services.has(transport) || nearest(name, parameterTable.keys()) === undefined ? parameterRow(name) : undefined;
}

interface Findings {
  readonly faults: Fault[];
  readonly warnings: Fault[];
  readonly notes: Fault[];
  readonly unknownRestrictions: UnknownRestriction[];
  readonly tables: NamedTable[];
  readonly files: NamedTable[];
}

const RESTRICTION_CLASS: Row = {
  type: 'restrictions',
  default: '',
  doc: 'A restriction list of your own.',
  state: 'acts',
};

/** Names that occur only in defaults: older names of parameters, still read. */
const olderNames: ReadonlySet<string> = new Set(
  [...parameterTable.values()].flatMap((row) => referencesOf(row.default)),
);

function referencesOf(value: string): string[] {
  return unlessMacroError(() => references(value), []);
}

function classesOf(reader: MainParameters): ReadonlySet<string> {
  return new Set(unlessMacroError(() => reader.list('smtpd_restriction_classes'), []));
}

function reportUnknown(setting: CheckedSetting, used: ReadonlySet<string>, result: Findings): void {
  const { name, file } = setting;
  if (used.has(name) || olderNames.has(name)) return;
  const hint = nearest(name, parameterTable.keys(), name.length < 6 ? 1 : 2);
  const place = { file, line: setting.lineOf(0), parameter: name };
  if (hint !== undefined)
    result.faults.push({ ...place, message: `there is no such parameter; did you mean "${hint}"?` });
  else result.warnings.push({ ...place, message: 'unused parameter: unknown here and not referred to' });
}

/** `$name` of an undefined parameter: expands to nothing, as in Postfix, but is probably a mistake. */
function reportUndefined(setting: CheckedSetting, result: Findings): void {
  for (const name of referencesOf(setting.value)) {
    if (setting.reader.raw(name) !== undefined || olderNames.has(name)) continue;
    const hint = nearest(name, parameterTable.keys());
    const message = `"$${name}" is not a parameter: it counts as empty${hint === undefined ? '' : `; did you mean "$${hint}"?`}`;
    result.warnings.push({
      file: setting.file,
      line: setting.lineOf(Math.max(0, setting.value.indexOf(name))),
      parameter: setting.name,
      message,
    });
  }
}

function checkSetting(setting: CheckedSetting, row: Row, classes: ReadonlySet<string>, result: Findings): void {
  const { name, file, value } = setting;
  const place = (item?: string): Omit<Fault, 'message'> => ({
    file,
    line: setting.lineOf(item === undefined ? 0 : Math.max(0, findItem(value, item))),
    parameter: name,
  });
  for (const item of splitList(value)) {
    if (!item.joined) continue;
    const line = setting.lineOf(item.offset);
    result.warnings.push({
      file,
      line,
      parameter: name,
      message: `"${value.slice(item.offset).split('\n', 1)[0]?.slice(0, 60)}": white space after the table's type; read as "${item.text}"`,
    });
  }
  if (isRaw(row.type)) {
    reportInert(setting, row, value, result);
    return;
  }
  reportUndefined(setting, result);
  let expanded: string;
  try {
    expanded = setting.reader.expand(value);
  } catch (error) {
    if (!(error instanceof MacroError)) throw error;
    result.faults.push({ ...place(), message: error.message });
    return;
  }
  const ports = unlessMacroError(() => portNamesOf(setting.reader), NO_NAMES);
  const problem = valueFault(row, row.type === 'filetext' ? textOf(setting, expanded) : expanded, ports);
  if (problem !== undefined) result.faults.push({ ...place(), message: problem });
  for (const { item, message } of faultyItems(setting, row, expanded, ports))
    result.faults.push({ ...place(item), message });
  const note = (table: string): void =>
    void result.tables.push({ table, parameter: name, file, line: place(table).line });
  if (row.type === 'restrictions') {
    const check = checkRestrictions(expanded, classes);
    for (const { item, message } of check.faults) result.faults.push({ ...place(item), message });
    for (const { item, after, hint } of check.unknown)
      result.unknownRestrictions.push({
        name: item,
        after,
        hint,
        fault: { ...place(item), message: unknownRestriction(item, hint) },
      });
    for (const table of check.tables) note(table);
  } else if (row.type === 'tables') {
    for (const item of splitTexts(expanded)) {
      if (/^[a-z][a-z0-9]*:/.test(item)) note(item);
      else
        result.faults.push({
          ...place(item),
          message: `"${item.slice(0, 80)}": expected a lookup table as type:name, such as hash:/etc/aliases`,
        });
    }
  } else if (MATCH_LISTS.has(row.type)) {
    for (const item of splitTexts(expanded)) {
      const plain = item.replace(/^!+/, '');
      if (plain.startsWith('/')) result.files.push({ table: plain, parameter: name, file, line: place(item).line });
      else if (isTable(plain)) note(plain);
    }
  } else if (row.type === 'filetext' && expanded.startsWith('/')) {
    result.files.push({ table: expanded, parameter: name, file, line: place().line });
  }
  reportInert(setting, row, expanded, result);
}

/** A setting without effect: a note, or for a security setting an error, so that nobody relies on it. */
function reportInert(setting: CheckedSetting, row: Row, expanded: string, result: Findings): void {
  if (row.state === 'acts') return;
  const place = { file: setting.file, line: setting.lineOf(0), parameter: setting.name };
  if (row.state === 'no meaning') result.notes.push({ ...place, message: `no meaning here: ${row.reason ?? ''}` });
  else if (row.guards !== true || isDefault(setting, row, expanded)) {
    result.notes.push({ ...place, message: 'not supported yet: it has no effect' });
  } else if (refusesUnsupported(setting.reader)) {
    result.faults.push({
      ...place,
      message: `not supported yet, and ignoring it would weaken security; remove it, or set ${REFUSAL} = warn to start without it`,
    });
  } else result.warnings.push({ ...place, message: 'not supported yet: ignoring it weakens security' });
}

const REFUSAL = 'unsupported_parameters';

function refusesUnsupported(reader: MainParameters): boolean {
  return unlessMacroError(() => reader.string(REFUSAL) !== 'warn', true);
}

/** Switches are compared case-insensitively; white space is ignored. */
function isDefault({ name, reader }: CheckedSetting, row: Row, expanded: string): boolean {
  const plain = (text: string): string => splitTexts(row.type === 'boolean' ? text.toLowerCase() : text).join(' ');
  return plain(expanded) === plain(reader.expand(reader.default(name) ?? row.default));
}

const NO_NAMES: PortNames = new Map();
const MAX_ITEM_FAULTS = 20;

/** The items of a list that do not match its type. Errors inside a file of the list are reported for that file. */
function faultyItems(
  { name, reader }: CheckedSetting,
  row: Row,
  expanded: string,
  ports: PortNames,
): { readonly item: string; readonly message: string }[] {
  const mayHoldTables = MATCH_LISTS.has(row.type);
  const items = mayHoldTables
    ? reader.untyped.list(name).filter((item) => !isTable(item) && !item.startsWith('{'))
    : splitTexts(expanded);
  return items
    .flatMap((item) => {
      const message = (row.type === 'networks' ? networkFault(item) : undefined) ?? itemFault(row, item, ports);
      return message === undefined ? [] : [{ item, message }];
    })
    .slice(0, MAX_ITEM_FAULTS);
}

/** The first line of the file named by the value; the value itself if it names none, or one that cannot be read. */
function textOf({ name, reader }: CheckedSetting, expanded: string): string {
  return expanded.startsWith('/') ? reader.untyped.string(name) || expanded : expanded;
}

/** `type:name`, and not an IPv6 address. `hash:` without a name is one too: whoever opens it says what is missing. */
const isTable = (item: string): boolean =>
  /^!*(?:proxy:)?[a-z][a-z0-9]*:/.test(item) && !/^!*[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(?:\/\d+)?$/i.test(item);

/** The position of an item of the expanded value in the value as written. */
function findItem(value: string, item: string): number {
  const whole = splitList(value).find((candidate) => candidate.text === item);
  return whole?.offset ?? value.indexOf(item);
}
