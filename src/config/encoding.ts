/**
 * The byte order mark that some editors put at the beginning of a text: parsers would read it as part of the first
 * word.
 */
import type { Fault } from './fault.ts';

const MARK = '\u{feff}';

/** An error if the text begins with a byte order mark, or contains NULs as UTF-16 does. */
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

/** The text without the mark; line numbers do not change. */
export const withoutMark = (text: string): string => (text.startsWith(MARK) ? text.slice(MARK.length) : text);
