/** Files of lines: golden answers, and logs that may be written while they are read. */
import { readFileSync } from 'node:fs';

/** Up to the last newline: what stands behind it is a line that is still being written. */
export const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf('\n') + 1);

/** The value of each line of a file of JSON lines. */
export const jsonLines = <Value>(file: string | URL): Value[] =>
  wholeLines(readFileSync(file, 'utf8'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Value);
