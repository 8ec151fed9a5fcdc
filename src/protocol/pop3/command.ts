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

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

/** A message number and nothing else: LIST 1, RETR 1. */
export function parseMessageNumber(argument: string): Parsed<number> {
  const number = readNumber(argument, 'message number');
  if (!number.ok) return number;
  return number.value.rest.trimEnd() === ''
    ? { ok: true, value: number.value.number }
    : noise('message number', number.value.rest);
}

/** TOP's message number and number of lines. */
export function parseTop(argument: string): Parsed<{ readonly message: number; readonly lines: number }> {
  const message = readNumber(argument, 'message number');
  if (!message.ok) return message;
  if (!/^ +[^ ]/.test(message.value.rest)) return noise('message number', message.value.rest);
  const lines = readNumber(message.value.rest.trimStart(), 'size');
  if (!lines.ok) return lines;
  if (lines.value.rest.trimEnd() !== '') return noise('size', lines.value.rest);
  return { ok: true, value: { message: message.value.number, lines: lines.value.number } };
}

function readNumber(text: string, what: string): Parsed<{ readonly number: number; readonly rest: string }> {
  const digits = /^\d+/.exec(text)?.[0];
  if (digits === undefined) return { ok: false, error: `Invalid ${what}: ${printable(text)}` };
  const number = Number(digits);
  if (number > 0xffffffff)
    return { ok: false, error: `${what === 'size' ? 'Size' : 'Message number'} too large: ${printable(text)}` };
  return { ok: true, value: { number, rest: text.slice(digits.length) } };
}

const noise = (what: string, rest: string): Parsed<never> => ({
  ok: false,
  error: `Noise after ${what}: ${printable(rest)}`,
});

/** Makes a peer's input safe for a reply or a log line. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 64);
}
