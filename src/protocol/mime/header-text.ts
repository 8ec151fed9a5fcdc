/**
 * Converts header values to text and back. UTF-8 (RFC 6532) is decoded; octets of a value that is not valid UTF-8
 * become U+DC80 to U+DCFF, one each, and are converted back to the same octets (as in Python's `surrogateescape`,
 * PEP 383): a value copied from one header to another stays identical octet by octet, whatever its charset.
 */

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ESCAPE = 0xdc00;
/** Lone surrogates only: with the flag `u`, one that is part of a pair does not match. */
const ESCAPED = /[\udc80-\udcff]+/gu;

/** `octets`: one octet per character (latin1). */
export function decodeHeaderText(octets: string): string {
  if (!/[\x80-\xff]/.test(octets)) return octets;
  try {
    return UTF8.decode(Buffer.from(octets, 'latin1'));
  } catch {
    return octets.replace(/[\x80-\xff]/g, (octet) => String.fromCharCode(ESCAPE + octet.charCodeAt(0)));
  }
}

/** Encodes text as UTF-8; escaped octets are restored. */
export function encodeHeaderText(text: string): Buffer {
  // Fast path for nearly all text. Without the flag `u` this also finds halves of pairs, which the code below handles.
  if (!/[\udc80-\udcff]/.test(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  let at = 0;
  for (const match of text.matchAll(ESCAPED)) {
    parts.push(Buffer.from(text.slice(at, match.index)), Buffer.from(match[0], 'latin1'));
    at = match.index + match[0].length;
  }
  return parts.length === 0 ? Buffer.from(text) : Buffer.concat([...parts, Buffer.from(text.slice(at))]);
}
