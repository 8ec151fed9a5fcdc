/** POP3 command lines (RFC 1939 section 3), and their arguments, with errors in Dovecot's wording. */

export interface Command {
  /** In capitals; '' for an empty line. */
  readonly verb: string;
  /** Everything after the first space, as octets (latin1); a password may begin and end with spaces. */
  readonly argument: string;
}

/** `line` is without its CRLF. Never throws. */
export function parseCommand(line: Uint8Array): Command {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
  const blank = text.indexOf(' ');
  return blank < 0
    ? { verb: text.toUpperCase(), argument: '' }
    : { verb: text.slice(0, blank).toUpperCase(), argument: text.slice(blank + 1) };
}

/** A message number and nothing else, or what is wrong: LIST 1, RETR 1. */
export function parseMessageNumber(argument: string): number | string {
  const number = readNumber(argument, 'message number');
  if (typeof number === 'string') return number;
  return number.rest.trimEnd() === '' ? number.number : noise('message number', number.rest);
}

/** TOP's message number and number of lines, or what is wrong. */
export function parseTop(argument: string): { readonly message: number; readonly lines: number } | string {
  const message = readNumber(argument, 'message number');
  if (typeof message === 'string') return message;
  if (!/^ +[^ ]/.test(message.rest)) return noise('message number', message.rest);
  const lines = readNumber(message.rest.trimStart(), 'size');
  if (typeof lines === 'string') return lines;
  if (lines.rest.trimEnd() !== '') return noise('size', lines.rest);
  return { message: message.number, lines: lines.number };
}

function readNumber(text: string, what: string): { readonly number: number; readonly rest: string } | string {
  const digits = /^\d+/.exec(text)?.[0];
  if (digits === undefined) return `Invalid ${what}: ${printable(text)}`;
  const number = Number(digits);
  if (number > 0xffffffff) return `${what === 'size' ? 'Size' : 'Message number'} too large: ${printable(text)}`;
  return { number, rest: text.slice(digits.length) };
}

const noise = (what: string, rest: string): string => `Noise after ${what}: ${printable(rest)}`;

/** Makes a peer's input safe for a reply or a log line. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
