/**
 * Edits of main.cf and master.cf: what is not changed stays as it is, with remarks, blank lines and the order. A byte
 * order mark is removed.
 */
import { logicalLines } from '../../lookup/logical-lines.ts';
import { withoutMark } from '../encoding.ts';

/**
 * The lines of the text, those of some logical lines replaced. `edit` gets a logical line and the lines of the file that
 * it is made of, and returns what stands in their place; undefined if they stay.
 */
export function editLines(
  text: string,
  edit: (logical: string, own: readonly string[]) => readonly string[] | undefined,
): string[] {
  const unmarked = withoutMark(text);
  const lines = unmarked.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const replaced = new Map<number, readonly string[]>();
  for (const logical of logicalLines(unmarked)) {
    const edited = edit(
      logical.text,
      logical.parts.map(({ line }) => lines[line - 1] ?? ''),
    );
    if (edited === undefined) continue;
    for (const { line } of logical.parts) replaced.set(line, []);
    replaced.set(logical.line, edited);
  }
  return lines.flatMap((line, index) => replaced.get(index + 1) ?? [line]);
}

export const remarked = (lines: readonly string[]): string[] => lines.map((line) => `#${line}`);

export const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
