/**
 * The byte order mark that some editors put at the beginning of a text: the readers take it for a part of the first
 * word.
 */
import type { Fault } from './fault.ts';

const MARK = '\u{feff}';

/** A fault where the text begins with a byte order mark, or has NULs as UTF-16 has. */
export function encodingFaults(text: string, file: string): Fault[] {
  if (text.startsWith(MARK))
    return [
      {
        file,
        line: 1,
        message: 'the file starts with a byte order mark (EF BB BF): save the file as UTF-8 without it',
      },
    ];
  if (text.slice(0, 1000).includes('\0'))
    return [{ file, line: 0, message: 'has NUL characters: save the file as UTF-8, not as UTF-16' }];
  return [];
}

/** The text behind the mark, in which everything keeps its line. */
export const withoutMark = (text: string): string => (text.startsWith(MARK) ? text.slice(MARK.length) : text);
