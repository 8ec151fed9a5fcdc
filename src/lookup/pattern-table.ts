/** regexp and pcre tables: `/pattern/flags result` (regexp_table(5), pcre_table(5)). */
import { PatternError } from './pattern-error.ts';
import { sieveOf } from './pattern-sieve.ts';
import type { Dialect } from './pattern-translator.ts';
import { compilePattern } from './regular-expression.ts';
import type { ReadPattern } from './rule-list.ts';
import { openRules } from './rule-table.ts';
import type { TableType } from './table-type.ts';

export const patternTable = (dialect: Dialect): TableType => ({
  doc: dialect === 'regexp' ? 'POSIX regular expressions, tried in order' : 'Perl regular expressions, tried in order',
  open: (name, argument, context) =>
    openRules(name, argument, context, {
      read: readPattern(dialect),
      sieve: sieveOf,
      isLong: (key) => key.length > SHORT,
      keyOf: (key) => key,
    }),
});

/**
 * Length of a key for which the clock of a time limit would cost more than the match. The time of a loop such as in
 * `a.*b` grows with the square of the length: 0.5 ms here, 40 for 8000 characters.
 */
const SHORT = 1000;

/**
 * The pattern may be enclosed in any character that is not a letter, a digit or white space; inside, a backslash makes
 * that character literal.
 */
const readPattern =
  (dialect: Dialect): ReadPattern<string> =>
  (text) => {
    const delimiter = text.charAt(0);
    if (delimiter === '' || /[\sA-Za-z0-9\\]/.test(delimiter))
      return `"${text.slice(0, 40)}": expected /pattern/ result`;
    const end = closingDelimiter(text, delimiter);
    if (end < 0) return `"${text.slice(0, 40)}": the closing "${delimiter}" is missing`;
    const flags = /^[A-Za-z]*/.exec(text.slice(end + 1))?.[0] ?? '';
    const after = text.charAt(end + 1 + flags.length);
    if (after !== '' && !/\s/.test(after))
      return `"${text.slice(end + 1, end + 20)}": expected flags and white space after the pattern`;
    try {
      const source = text
        .slice(1, end)
        .replaceAll(`\\${delimiter}`, () => (REGULAR.has(delimiter) ? `\\${delimiter}` : delimiter));
      return { pattern: compilePattern(source, flags, dialect), rest: text.slice(end + 1 + flags.length) };
    } catch (error) {
      if (error instanceof PatternError) return error.message;
      throw error;
    }
  };

/** Delimiters with a meaning inside a pattern: their backslash is kept. */
const REGULAR = new Set('.*+?^$()[]{}|');

function closingDelimiter(text: string, delimiter: string): number {
  for (let at = 1; at < text.length; at += 1) {
    if (text.charAt(at) === '\\') at += 1;
    else if (text.charAt(at) === delimiter) return at;
  }
  return -1;
}
