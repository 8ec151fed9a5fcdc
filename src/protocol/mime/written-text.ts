/** Text as a message carries it: in header fields (RFC 2047) and in bodies (RFC 2045 section 6.8). */

/** Octets of text in one encoded word, which has at most 75 characters with its frame. */
const IN_A_WORD = 45;
/** Characters of a line of base64. */
const IN_A_LINE = 76;

export const isPrintableAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text);

/** Unstructured text (a Subject) or a phrase for a field; what is not printable US-ASCII in encoded words, folded. */
export function fieldText(text: string): string {
  const line = text.replace(/[\x00-\x1f\x7f]+/g, ' ');
  return isPrintableAscii(line) && !line.includes('=?') ? line : encodedWords(line);
}

function encodedWords(text: string): string {
  const words: string[] = [];
  let piece = '';
  for (const character of text) {
    if (Buffer.byteLength(piece) + Buffer.byteLength(character) > IN_A_WORD) {
      words.push(piece);
      piece = '';
    }
    piece += character;
  }
  return [...words, piece].map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ');
}

/** Lines of base64, without a line end behind the last. */
export function base64Lines(octets: Uint8Array): string {
  const text = Buffer.from(octets).toString('base64');
  return (text.match(new RegExp(`.{1,${IN_A_LINE}}`, 'g')) ?? []).join('\r\n');
}
