/**
 * Parses an alias file (aliases(5)): `name: value, value …` on logical lines, as postalias does.
 * Names may be quoted (`"john smith": john`). Values stay as text: `:include:/file`, `\name`,
 * `"|command"` and `/file/name` are interpreted when the alias is expanded.
 */
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

const NAME = /^(?:"((?:[^"\\]|\\.)*)"|([^":\s][^":]*?))\s*:(?=\s|$|[^:])/;

export function* aliasEntries(text: string, included: IncludedFile[] = []): Generator<Entry> {
  for (const logical of tableLines(text)) {
    const { text: line, line: number } = logical;
    for (const include of line.matchAll(INCLUDE))
      included.push({ path: include[1] ?? '', line: lineAt(logical, include.index) });
    const match = NAME.exec(line);
    const key = match?.[1]?.replace(/\\(.)/g, '$1') ?? match?.[2] ?? '';
    const value = match === null ? '' : line.slice(match[0].length).trim();
    if (key === '' || value === '')
      yield {
        key,
        value,
        line: number,
        problem: `"${line.slice(0, 60)}": expected "name: value": this line is ignored`,
      };
    else yield { key, value, line: number };
  }
}
