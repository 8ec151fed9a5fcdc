/**
 * Selects header fields for HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 section 6.4.5.1).
 * Fields are copied byte for byte, including folding, in their order, followed by an empty line.
 */

/** `header` is latin1 with CRLF; `names` in capitals. */
export function chooseFields(header: string, names: ReadonlySet<string>, others: boolean): string {
  let chosen = '';
  let taking = false;
  for (let at = 0; at < header.length; ) {
    const lineEnd = header.indexOf('\n', at);
    const next = lineEnd < 0 ? header.length : lineEnd + 1;
    const first = header.charCodeAt(at);
    // A stray CR at the start of a line does not end the header.
    if (first === 0x0a || (first === 0x0d && next - at <= 2)) break;
    // A line that begins with white space continues the previous field.
    if (first !== 0x20 && first !== 0x09) {
      // Search this line only: searching on to the next colon would be quadratic.
      const line = header.slice(at, next);
      const colon = line.indexOf(':');
      taking = colon >= 0 && names.has(line.slice(0, colon).trimEnd().toUpperCase()) !== others;
    }
    if (taking) chosen += header.slice(at, next);
    at = next;
  }
  return `${chosen}\r\n`;
}
