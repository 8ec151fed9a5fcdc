/**
 * Header lines that others give (plugins, access tables), as text: whether one is a field of RFC 5322 section 2.2
 * that can stand in a header without ending it, breaking it or running into the field before.
 */

/** Characters of one field with its folded lines (Postfix: header_size_limit). */
const LONGEST_LINE = 102_400;
/** Printable US-ASCII without the colon, and no white space before the colon (RFC 5322 section 3.6.8). */
const NAME = /^[!-9;-~]+:/;
/** A line break that the next line's white space does not continue. */
const BREAK = /\r?\n(?![ \t])/g;

export type HeaderLine = { readonly line: string } | { readonly fault: string };

/**
 * The field without its last line end, its folds as CRLF; or what is wrong with it, with the line's beginning quoted.
 * A line break that is no fold becomes a space: the text after it is never a field of its own.
 */
export function headerLine(given: unknown): HeaderLine {
  if (typeof given !== 'string') return { fault: `expected a string, got ${given === null ? 'null' : typeof given}` };
  const fault = faultOf(given);
  if (fault !== null) return { fault: `${fault} in ${JSON.stringify(given.slice(0, 80))}` };
  const text = given.replace(/\r?\n$/, '').replace(BREAK, ' ');
  return /\n[ \t]*(?:\r?\n|$)/.test(text)
    ? { fault: `a blank line in ${JSON.stringify(given.slice(0, 80))}` }
    : { line: text.replace(/\r?\n/g, '\r\n') };
}

function faultOf(text: string): string | null {
  if (text.length > LONGEST_LINE) return `more than ${LONGEST_LINE} characters`;
  if (text === '') return 'nothing';
  if (text.includes('\0')) return 'a NUL';
  if (/\r(?!\n)/.test(text)) return 'a CR without LF';
  if (!NAME.test(text)) return 'no "Name: value"';
  return null;
}
