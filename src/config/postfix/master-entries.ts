/**
 * The entries of master.cf as `postconf -M`, `-F` and `-P` show and change them (postconf(1)): columns and arguments as
 * written, whether or not this server runs the service. Pure functions over the text of the file.
 */
import { logicalLines } from '../../lookup/logical-lines.ts';
import { groupContent } from '../../lookup/split-list.ts';
import { withoutMark } from '../encoding.ts';
import { editLines, remarked, textOf } from './edit-lines.ts';
import { folded } from './folded.ts';
import { parseAssignment } from './main-cf.ts';
import { splitMasterLine } from './master-cf.ts';

/** The columns by the names of `postconf -F`. */
const FIELDS = ['service', 'type', 'private', 'unprivileged', 'chroot', 'wakeup', 'process_limit'] as const;
export const COMMAND_FIELD = 'command';
export const FIELD_NAMES: readonly string[] = [...FIELDS, COMMAND_FIELD];
/** Where the columns behind the first begin. */
const STOPS = [11, 17, 25, 33, 41, 49, 57];

export interface MasterEntry {
  /** Seven, and the program. */
  readonly columns: readonly string[];
  /** The words behind the program. */
  readonly words: readonly string[];
}

/** `service/type`. */
export const entryName = ({ columns }: MasterEntry): string => `${columns[0]}/${columns[1]}`;

/** Lines that are no entry are left out: a start reports them. */
export function masterEntries(text: string): MasterEntry[] {
  return [...logicalLines(withoutMark(text))].flatMap((line) => entryOf(line.text) ?? []);
}

/** An entry from one line, or undefined. */
export function entryOf(line: string): MasterEntry | undefined {
  if (/^\s/.test(line)) return undefined;
  const words = splitMasterLine(line).map(tidy);
  return words.length < FIELDS.length + 1
    ? undefined
    : { columns: words.slice(0, FIELDS.length + 1), words: words.slice(FIELDS.length + 1) };
}

/** `{ a = b }` as `{a = b}`. */
function tidy(word: string): string {
  const content = groupContent(word);
  return content === undefined ? word : `{${content.trim()}}`;
}

/** The words of each option, and those behind the options. */
function argumentsOf({ words }: MasterEntry): {
  readonly options: readonly string[];
  readonly rest: readonly string[];
} {
  const options: string[] = [];
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || word === '-') break;
    const value = word === '-o' ? words[at + 1] : undefined;
    if (value === undefined) options.push(word);
    else {
      options.push(`-o ${assigned(value)}`);
      at += 1;
    }
  }
  return { options, rest: words.slice(at) };
}

/** `{a = b}` as `{a=b}`. */
function assigned(value: string): string {
  const read = parseAssignment(groupContent(value) ?? value);
  if (typeof read === 'string') return value;
  const text = `${read.name}=${read.value}`;
  return groupContent(value) === undefined ? text : `{${text}}`;
}

export function formatEntry(entry: MasterEntry, options: { readonly fold: boolean }): string {
  let start = '';
  entry.columns.forEach((column, index) => {
    start = index === 0 ? column : `${`${start} `.padEnd(STOPS[index - 1] ?? 0)}${column}`;
  });
  const { options: own, rest } = argumentsOf(entry);
  return options.fold ? foldedArguments(start, own, rest) : [start, ...own, ...rest].join(' ');
}

/** Each option has a line of its own. */
const foldedArguments = (start: string, options: readonly string[], rest: readonly string[]): string =>
  folded([start, ...options].join('\n    '), rest);

/** `label` and the command, folded as in an entry. */
export function foldedCommand(label: string, entry: MasterEntry): string {
  const { options, rest } = argumentsOf(entry);
  return foldedArguments(`${label}${entry.columns[FIELDS.length]}`, options, rest);
}

/** The value of a column by its name; of `command`, the program with its arguments. */
export function fieldOf(entry: MasterEntry, name: string): string {
  const { options, rest } = argumentsOf(entry);
  return name === COMMAND_FIELD
    ? [entry.columns[FIELDS.length] ?? '', ...options, ...rest].join(' ')
    : (entry.columns[FIELD_NAMES.indexOf(name)] ?? '');
}

/** The entry with another value in a column. Undefined if a command has no word. */
export function withField(entry: MasterEntry, name: string, value: string): MasterEntry | undefined {
  const words = splitMasterLine(value).map(tidy);
  const [first, ...more] = words;
  if (first === undefined) return undefined;
  const index = FIELD_NAMES.indexOf(name);
  const columns = entry.columns.map((column, at) => (at === index ? first : column));
  return { columns, words: name === COMMAND_FIELD ? more : entry.words };
}

/** The `-o` settings, sorted by name; the last of a name counts. */
export function overridesOf(entry: MasterEntry): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const option of argumentsOf(entry).options) {
    if (!option.startsWith('-o')) continue;
    const text = option.slice(2).trim();
    const read = parseAssignment(groupContent(text) ?? text);
    if (typeof read !== 'string') found.set(read.name, read.value);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The entry with another value of one `-o` setting; without it, if the value is null. */
export function withOverride(entry: MasterEntry, name: string, value: string | null): MasterEntry {
  const { options, rest } = argumentsOf(entry);
  const isOther = (option: string): boolean =>
    !new RegExp(`^-o *\\{?\\s*${name.replaceAll(/[^\w-]/g, '')}\\s*=`).test(option);
  const setting = value === null ? [] : [`-o ${name}=${value}`];
  const changed = options.flatMap((option) => (isOther(option) ? [option] : setting));
  const all = options.every(isOther) ? [...options, ...setting] : changed;
  return { columns: entry.columns, words: all.flatMap(wordsOfOption).concat(rest) };
}

const wordsOfOption = (option: string): string[] =>
  option.startsWith('-o ') ? ['-o', option.slice('-o '.length)] : [option];

/** What becomes of an entry: another one, a line, a remark, or nothing. */
export type Edited = MasterEntry | { readonly line: string } | 'remark' | 'removed';

/**
 * The text with every entry that `edit` changes printed anew; other lines, and remarks, stay. `added` are lines for the
 * end.
 */
export function editMasterCf(
  text: string,
  edit: (entry: MasterEntry) => Edited,
  added: readonly string[] = [],
): string {
  const lines = editLines(text, (logical, own) => {
    const entry = entryOf(logical);
    const edited = entry === undefined ? undefined : edit(entry);
    if (edited === undefined || edited === entry) return undefined;
    return edited === 'remark' ? remarked(own) : printed(edited);
  });
  return textOf([...lines, ...added]);
}

function printed(edited: Exclude<Edited, 'remark'>): string[] {
  if (edited === 'removed') return [];
  return 'line' in edited ? [edited.line] : formatEntry(edited, { fold: true }).split('\n');
}
