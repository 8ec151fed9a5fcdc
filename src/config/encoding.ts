/**
 * How a configuration file is encoded. Parsers would read the byte order mark that some editors put at the beginning as
 * part of the first word.
 */
import type { Fault } from './fault.ts';

const MARK = '\u{feff}';

/** UTF-16, read as UTF-8. */
const isUtf16 = (text: string): boolean => text.slice(0, 1000).includes('\0');

/** An error if the text begins with a byte order mark, or contains NULs as UTF-16 does. */
export function encodingFaults(text: string, file: string): Fault[] {
  if (isUtf16(text)) return [{ file, line: 0, message: 'the file is UTF-16 or has NUL characters: save it as UTF-8' }];
  if (text.startsWith(MARK))
    return [
      {
        file,
        line: 1,
        message: 'the file starts with a byte order mark (EF BB BF): save the file as UTF-8 without it',
      },
    ];
  return [];
}

/** The text without the mark; line numbers do not change. */
export const withoutMark = (text: string): string => (text.startsWith(MARK) ? text.slice(MARK.length) : text);

/** The same for a parser: nothing of UTF-16, whose one fault would be followed by one for each line. */
export const readable = (text: string): string => (isUtf16(text) ? '' : withoutMark(text));
