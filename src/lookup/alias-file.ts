/**
 * Parses an alias file (aliases(5)): `name: value, value …` on logical lines, as postalias does; keys and values are
 * what its index would have. Names may be quoted (`"john smith": john`). Values stay as text: `:include:/file`,
 * `"|command"` and `/file/name` are interpreted when the alias is expanded.
 */
import { aliasWords, plainWords, type Word, writtenWords } from './alias-words.ts';
import { lineAt, tableLines } from './logical-lines.ts';
import type { Steps } from './steps.ts';
import { type Entry, entryMap, type IncludedFile, type TableContent } from './table-entries.ts';

/** Linear in the length of the text. */
export function* parseAliasFile(text: string, file: string): Steps<TableContent> {
  const included: IncludedFile[] = [];
  const content = yield* entryMap(aliasEntries(text, included), file);
  return { ...content, included };
}

const INCLUDE = /:include:\s*(\/[^\s,"]+)/gi;

export function* aliasEntries(text: string, included: IncludedFile[] = []): Generator<Entry> {
  for (const logical of tableLines(text)) {
    const { text: line, line: number } = logical;
    const read = /^[ \t]/.test(line) ? 'the first line of a table cannot begin with white space' : nameAndValue(line);
    if (typeof read === 'string') {
      yield { key: '', value: '', line: number, problem: `"${line.slice(0, 60)}": ${read}: this line is ignored` };
      continue;
    }
    for (const include of line.matchAll(INCLUDE))
      included.push({ path: include[1] ?? '', line: lineAt(logical, include.index) });
    yield { ...read, line: number };
  }
}

/** What is wrong, if something is. */
function nameAndValue(line: string): { readonly key: string; readonly value: string } | string {
  const words = aliasWords(line);
  const colon = words.findIndex(isOperator(':'));
  const name = words.slice(0, Math.max(colon, 0));
  const value = words.slice(colon + 1);
  if (name.length === 0 || value.length === 0 || name.some(isOperator(','))) return 'expected "name: value"';
  if (name.some(isOperator('@%'))) return 'expected a name without a domain before the ":"';
  const key = plainWords(name);
  const text = writtenWords(value);
  // Postfix keeps these lines, but answers nothing for them.
  return key === '' || text === '' ? 'expected "name: value" with neither of them empty' : { key, value: text };
}

const isOperator =
  (characters: string) =>
  ({ kind, text }: Word): boolean =>
    kind === 'operator' && characters.includes(text);
