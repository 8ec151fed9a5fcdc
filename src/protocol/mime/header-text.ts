/**
 * Header values as text and back. UTF-8 (RFC 6532) is decoded; octets of a value that is not valid UTF-8 become
 * U+DC80 to U+DCFF, one each, and those become the same octets again (as Python's `surrogateescape`, PEP 383):
 * what is copied from one header to another stays equal octet by octet, whatever its character set.
 */

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ESCAPE = 0xdc00;
/** Lone surrogates alone: one that belongs to a pair does not match with the flag `u`. */
const ESCAPED = /[\udc80-\udcff]+/gu;

/** `octets`: one character an octet (latin1). */
export function decodeHeaderText(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  try {
    return UTF8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    return octets.replace(/[\x80-\xff]/g, (octet) => String.fromCharCode(ESCAPE + octet.charCodeAt(0)));
  }
}

/** The octets of a text, as UTF-8; escaped octets as they were. */
export function encodeHeaderText(text: string): Buffer {
  // Without the flag `u` this also finds halves of pairs, which the pattern below sorts out; nearly all text has
  // neither.
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  let at = 0;
  for (const match of text.matchAll(ESCAPED)) {
    parts.push(Buffer.from(text.slice(at, match.index)), Buffer.from(match[0], 'latin1'));
    at = match.index + match[0].length;
  }
  return parts.length === 0 ? Buffer.from(text) : Buffer.concat([...parts, Buffer.from(text.slice(at))]);
}
