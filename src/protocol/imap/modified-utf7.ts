/**
 * Mailbox names on the wire in IMAP4rev1: modified UTF-7 (RFC 3501 section 5.1.3).
 * Decoding is strict, so that a mailbox has only one name: any encoding but the canonical one is refused.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,';
const VALUES = new Map([...ALPHABET].map((char, index) => [char, index]));

/** `text` is Unicode (lone surrogates become U+FFFD); the result is ASCII. */
export function encodeMailboxName(text: string): string {
  return text
    .toWellFormed()
    .replaceAll('&', '&-')
    .replace(/[^\x20-\x7e]+/g, (run) => `&${encodeRun(run)}-`);
}

function encodeRun(run: string): string {
  let encoded = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < run.length; i += 1) {
    held = (held << 16) | run.charCodeAt(i);
    bits += 16;
    while (bits >= 6) {
      bits -= 6;
      encoded += ALPHABET.charAt((held >> bits) & 63);
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? encoded : encoded + ALPHABET.charAt((held << (6 - bits)) & 63);
}

/** Returns Unicode, or null if `name` is not valid modified UTF-7. */
export function decodeMailboxName(name: string): string | null {
  if (!/^[\x20-\x7e]*$/.test(name)) return null;
  if (!name.includes('&')) return name;
  let valid = true;
  const text = name.replace(/&([^-]*)(-?)/g, (_all, run: string, end: string) => {
    if (end === '') valid = false;
    if (run === '') return '&';
    const decoded = decodeRun(run);
    if (decoded === null) valid = false;
    return decoded ?? '';
  });
  return valid && encodeMailboxName(text) === name ? text : null;
}

function decodeRun(run: string): string | null {
  let bits = 0;
  let held = 0;
  const units: string[] = [];
  for (const char of run) {
    const value = VALUES.get(char);
    if (value === undefined) return null;
    held = ((held << 6) | value) & 0x3fffff;
    bits += 6;
    if (bits >= 16) {
      bits -= 16;
      units.push(String.fromCharCode((held >> bits) & 0xffff));
    }
  }
  return units.join('');
}
