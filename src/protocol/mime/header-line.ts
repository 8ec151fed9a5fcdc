/**
 * Validates header lines from outside (plugins, access tables): each must be a field (RFC 5322 section 2.2)
 * that does not end the header, break it, or run into the previous field.
 */

/** Maximum characters of a field including folded lines (Postfix: header_size_limit). */
const LONGEST_LINE = 102_400;
/** Printable US-ASCII except the colon, and no white space before the colon (RFC 5322 section 3.6.8). */
const NAME = /^[!-9;-~]+:/;
/** A line break that is not followed by white space. */
const BREAK = /\r?\n(?![ \t])/g;

export type HeaderLine = { readonly line: string } | { readonly fault: string };

/**
 * The field without its last line end, folded with CRLF; or an error that quotes the beginning of the line.
 * A line break that is not a fold becomes a space, so that the text after it cannot become a field of its own.
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
