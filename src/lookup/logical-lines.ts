/**
 * Postfix's logical lines, the format of main.cf, master.cf and every text table.
 *
 * A line that begins with white space continues the previous one. Empty lines and lines whose first
 * visible character is `#` are skipped everywhere, also between a line and its continuation.
 * Linear in the length of the text; every logical line knows the file line of each of its parts.
 */

export interface LogicalLine {
  /** The parts joined unchanged (a continuation keeps its leading white space), without line ends. */
  readonly text: string;
  /** The file line of the first part, counted from 1. */
  readonly line: number;
  /** The offset in `text` where each part begins, and its file line; ascending. */
  readonly parts: readonly { readonly offset: number; readonly line: number }[];
}

/** The file line of the character at `offset` of a logical line. */
export function lineAt(logical: LogicalLine, offset: number): number {
  let line = logical.line;
  for (const part of logical.parts) {
    if (part.offset > offset) break;
    line = part.line;
  }
  return line;
}

const COMMENT_OR_BLANK = /^[ \t\r\f\v]*(?:#|$)/;

/** A first line that begins with white space has nothing to continue: it is returned for callers to reject. */
export function* logicalLines(text: string): Generator<LogicalLine> {
  let pieces: string[] = [];
  let parts: { offset: number; line: number }[] = [];
  let length = 0;
  let number = 0;
  const finish = (): LogicalLine => ({ text: pieces.join(''), line: parts[0]?.line ?? 0, parts });
  let start = 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const raw = text.slice(start, end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    start = end + 1;
    number += 1;
    const first = raw.charCodeAt(0);
    // Fast path: most lines begin with a letter.
    if (!(first > 0x23) && COMMENT_OR_BLANK.test(raw)) continue;
    const continues = first === 0x20 || first === 0x09;
    if (!continues && parts.length > 0) {
      yield finish();
      pieces = [];
      parts = [];
      length = 0;
    }
    pieces.push(raw);
    parts.push({ offset: length, line: number });
    length += raw.length;
  }
  if (parts.length > 0) yield finish();
}

/** The lines of a table: as in Postfix a line ends at its first NUL, whatever continues it. */
export function* tableLines(text: string): Generator<LogicalLine> {
  if (!text.includes('\0')) return yield* logicalLines(text);
  for (const line of logicalLines(text)) yield { ...line, text: line.text.split('\0', 1)[0] ?? '' };
}
