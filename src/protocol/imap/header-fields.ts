/**
 * Chooses fields of a header for HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 section 6.4.5.1).
 * Fields come out byte for byte, folding and all, in their order, and then an empty line.
 */

/** `header` is latin1 with CRLF; `names` in capitals. */
export function chooseFields(header: string, names: ReadonlySet<string>, others: boolean): string {
  let chosen = '';
  let taking = false;
  for (let at = 0; at < header.length; ) {
    const lineEnd = header.indexOf('\n', at);
    const next = lineEnd < 0 ? header.length : lineEnd + 1;
    const first = header.charCodeAt(at);
    // A stray CR at a line's start ends no header.
    if (first === 0x0a || (first === 0x0d && next - at <= 2)) break;
    // A line that begins with white space continues the field before it.
    if (first !== 0x20 && first !== 0x09) {
      // Within the line alone: to look on to the next colon would be quadratic.
      const line = header.slice(at, next);
      const colon = line.indexOf(':');
      taking = colon >= 0 && names.has(line.slice(0, colon).trimEnd().toUpperCase()) !== others;
    }
    if (taking) chosen += header.slice(at, next);
    at = next;
  }
  return `${chosen}\r\n`;
}
