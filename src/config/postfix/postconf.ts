/**
 * The output and edits of `postconf` (postconf(1)), as pure functions over the loaded values. Requirement P4.
 *
 * Values are shown as written (`$mydomain`), with white space folded, sorted by name octet by octet; `-x` shows them
 * expanded.
 */
import { tableTypes } from '../../lookup/types.ts';
import { editLines, remarked, textOf } from './edit-lines.ts';
import { folded as foldedLine } from './folded.ts';
import { MacroError } from './macro.ts';
import { type Assignment, parseAssignment } from './main-cf.ts';
import { transportOf } from './parameters/families.ts';
import { isRaw } from './parameters/row.ts';
import { parameterRow, parameterTable } from './parameters.ts';
import type { MainParameters } from './parameters-reader.ts';

export interface PostconfRow {
  readonly name: string;
  readonly value: string;
}

const byName = (names: Iterable<string>): string[] => [...new Set(names)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
const folded = (value: string): string => value.trim().replaceAll(/\s+/g, ' ');
const row = (name: string, value: string | undefined): PostconfRow => ({ name, value: folded(value ?? '') });

/** `postconf`: everything, with effective values. `set` are the names set in main.cf. */
export function allRows(parameters: MainParameters, set: Iterable<string>): PostconfRow[] {
  return byName([...parameterTable.keys(), ...set]).map((name) => row(name, parameters.raw(name)));
}

/** `postconf -d`: the defaults. */
export function defaultRows(parameters: MainParameters): PostconfRow[] {
  return byName(parameterTable.keys()).map((name) => row(name, parameters.default(name)));
}

/** `postconf -n`: what main.cf sets, and the folder it was read from. */
export function setRows(parameters: MainParameters, set: Iterable<string>): PostconfRow[] {
  return byName([...set, 'config_directory']).map((name) => row(name, parameters.raw(name)));
}

/** `postconf name …`: in the given order; unknown names separately. */
export function namedRows(
  parameters: MainParameters,
  names: readonly string[],
): { readonly rows: readonly PostconfRow[]; readonly unknown: readonly string[] } {
  const known = names.filter((name) => parameters.raw(name) !== undefined);
  return {
    rows: known.map((name) => row(name, parameters.raw(name))),
    unknown: names.filter((name) => !known.includes(name)),
  };
}

/** `postconf -x`: rows with every `$name` replaced; a value that cannot be expanded stays as written. */
export function expandedRows(parameters: MainParameters, rows: readonly PostconfRow[]): PostconfRow[] {
  return rows.map(({ name, value }) => {
    if (isRaw(parameterRow(name)?.type)) return { name, value };
    try {
      return row(name, parameters.expand(value));
    } catch (error) {
      if (error instanceof MacroError) return { name, value };
      throw error;
    }
  });
}

export interface RowFormat {
  /** -h */
  readonly valuesOnly?: boolean;
  /** -H */
  readonly namesOnly?: boolean;
  /** -f: long lines are broken. */
  readonly fold?: boolean;
}

/** `name = value`, `name =` if the value is empty. */
export function formatRows(rows: readonly PostconfRow[], format: RowFormat = {}): string {
  const line = ({ name, value }: PostconfRow): string => {
    if (format.namesOnly === true) return name;
    const start = format.valuesOnly === true ? '' : `${name} = `;
    return format.fold === true ? foldedLine(start, value.split(' ')) : `${start}${value}`;
  };
  return rows.map((it) => `${line(it).trimEnd()}\n`).join('');
}

/** The classes of `-C`: Postfix's own parameters and ours, those of transports in master.cf, and any other name. */
export type ParameterClass = 'builtin' | 'service' | 'user';

export function classOf(name: string): ParameterClass {
  if (transportOf(name) !== undefined) return 'service';
  return parameterTable.has(name) ? 'builtin' : 'user';
}

/** `postconf -m`. */
export const tableTypeNames = (): string[] => byName([...Object.keys(tableTypes), 'proxy']);

/**
 * `postconf -a` and `-A`: the values of smtpd_sasl_type and smtp_sasl_type. Logins are verified against the store with
 * any of them.
 */
export const serverSaslTypes: readonly string[] = ['cyrus', 'dovecot'];
/** `postconf -l`: the store locks itself, so that these are names only. */
export const lockTypes: readonly string[] = ['flock', 'fcntl', 'dotlock'];
export const clientSaslTypes: readonly string[] = ['cyrus'];

/** `name=value` from the command line, or an error if it would not be a single setting in the file. */
export function parseEdit(text: string): Assignment | string {
  const line = text.trim();
  if (/[\n\0]/.test(text) || line.includes('\r')) return '-e accepts one line per setting';
  if (line.startsWith('#')) return '-e does not accept comments';
  return parseAssignment(line);
}

/**
 * `postconf -e`: main.cf's text with these settings. An existing setting is replaced in place (every occurrence), a new
 * one is appended; comments, blank lines and order are kept. A byte order mark is removed.
 */
export function editMainCf(text: string, edits: readonly { readonly name: string; readonly value: string }[]): string {
  const wanted = new Map(edits.map(({ name, value }) => [name, `${name} = ${value}`.trimEnd()]));
  const found = new Set<string>();
  const kept = editSettings(text, (name) => {
    const line = wanted.get(name);
    if (line === undefined) return undefined;
    found.add(name);
    return [line];
  });
  const added = [...wanted].filter(([name]) => !found.has(name)).map(([, line]) => line);
  return textOf([...kept, ...added]);
}

/** `postconf -X` and `-#`: main.cf's text with every setting of these names removed, or as a remark. */
export const removeSettings = (text: string, names: ReadonlySet<string>, how: 'removed' | 'remark'): string =>
  textOf(
    editSettings(text, (name, own) => {
      if (!names.has(name)) return undefined;
      return how === 'removed' ? [] : remarked(own);
    }),
  );

/** The lines of main.cf; `edit` is asked about each setting (edit-lines.ts). */
const editSettings = (
  text: string,
  edit: (name: string, own: readonly string[]) => readonly string[] | undefined,
): string[] =>
  editLines(text, (logical, own) => {
    const read = parseAssignment(logical);
    return typeof read === 'string' ? undefined : edit(read.name, own);
  });
