/** xtext (RFC 3461 section 4): printable ASCII without `+` and `=`, other octets as `+XX`. */

const XTEXT = /^(?:[!-*,-<>-~]|\+[0-9A-Fa-f]{2})*$/;
const TO_ENCODE = /[^!-*,-<>-~]/g;

/** The decoded octets, one per character; null if the text is not xtext. */
export function decodeXtext(text: string): string | null {
  if (!XTEXT.test(text)) return null;
  return text.includes('+')
    ? text.replace(/\+(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

/** Characters beyond ASCII are encoded as UTF-8 octets. */
export const encodeXtext = (text: string): string =>
  Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(TO_ENCODE, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
