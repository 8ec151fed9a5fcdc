/** Splits a command line (RFC 5321 section 4.1.1) into verb and argument; blanks before the verb mean nothing. */

export interface CommandLine {
  /** In capitals; '' for a blank line. */
  readonly verb: string;
  /** The text after the first space. */
  readonly argument: string;
}

/** `line`: without its line end. What is not UTF-8 (RFC 6531) comes as U+FFFD. */
export function parseCommandLine(line: Buffer): CommandLine {
  const octets = line.toString('latin1');
  const text = (/[\x80-\xff]/.test(octets) ? line.toString('utf8') : octets).trimStart();
  const blank = text.search(/\s/);
  return blank < 0
    ? { verb: text.toUpperCase(), argument: '' }
    : { verb: text.slice(0, blank).toUpperCase(), argument: text.slice(blank + 1) };
}
