/** Files of lines: golden answers, and logs that are read while they are written. */
import { readFileSync } from 'node:fs';

/** The lines up to the last newline; an incomplete line after it is left out. */
export const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf('\n') + 1);

/** The value of each line of a file of JSON lines. */
export const jsonLines = <Value>(file: string | URL): Value[] =>
  wholeLines(readFileSync(file, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Value);
