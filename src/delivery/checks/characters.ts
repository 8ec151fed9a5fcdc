/** message_strip_characters and message_reject_characters: octets that no message may have, wherever they stand. */
import { unescapeC } from '../../mail/c-escapes.ts';

export interface CharacterRules {
  readonly strip: RegExp | null;
  readonly reject: RegExp | null;
}

export const NO_CHARACTER_RULES: CharacterRules = { strip: null, reject: null };

/** Both as main.cf has them. Line ends are not characters of a line. */
export const characterRules = (strip: string, reject: string): CharacterRules => ({
  strip: classOf(strip),
  reject: classOf(reject),
});

function classOf(escaped: string): RegExp | null {
  const codes = [...new Set(unescapeC(escaped).replace(/[\r\n]/g, ''))].map((one) => one.charCodeAt(0) & 0xff);
  if (codes.length === 0) return null;
  return new RegExp(`[${codes.map((code) => `\\x${code.toString(16).padStart(2, '0')}`).join('')}]`, 'g');
}

/** A piece of a message without what is stripped, or the line in which something stands that is not allowed. */
export function withoutCharacters(piece: Uint8Array, { strip, reject }: CharacterRules): Uint8Array | string {
  const text = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString('latin1');
  const kept = strip === null ? text : text.replace(strip, '');
  const at = reject === null ? -1 : kept.search(reject);
  if (at >= 0) {
    const [line = ''] = kept.slice(kept.lastIndexOf('\n', at) + 1).split(/\r?\n/, 1);
    return line.replace(/\0[\s\S]*$/, '');
  }
  return kept.length === text.length ? piece : Buffer.from(kept, 'latin1');
}
