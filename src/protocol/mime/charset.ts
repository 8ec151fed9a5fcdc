/**
 * Decodes text in the charsets used in mail. Labels are those of the WHATWG Encoding Standard
 * (utf-8, gb18030, gbk, big5, iso-2022-jp, euc-kr, koi8-r, windows-125x …); an unknown one is read as latin1.
 */
import { TextDecoder } from 'node:util';
import { ownValue } from '../../own-value.ts';

/** Invalid octets become U+FFFD. Never throws. */
export function decodeCharset(bytes: Uint8Array, charset: string): string {
  const label = charset.trim().toLowerCase();
  if (label === '' || label === 'us-ascii' || label === 'ascii' || label === 'unknown-8bit')
    return decodeUnlabelled(bytes);
  return decoderFor(label).decode(bytes);
}

/** Making one costs more than to decode a line with it. */
const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const WINDOWS_1252 = new TextDecoder('windows-1252');

/** Decodes octets without a declared charset: as UTF-8 if valid, otherwise as windows-1252. */
function decodeUnlabelled(bytes: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return WINDOWS_1252.decode(bytes);
  }
}

/** The same for a string with one octet per character (latin1). */
export function decodeLatin1(text: string): string {
  return /[\x80-\xff]/.test(text) ? decodeUnlabelled(Buffer.from(text, 'latin1')) : text;
}

export function isKnownCharset(charset: string): boolean {
  const label = charset.trim().toLowerCase();
  return label === 'us-ascii' || decoderOf(label) !== null;
}

const decoderFor = (label: string): TextDecoder => decoderOf(label) ?? WINDOWS_1252;

/** Decoders by label; senders choose the labels, so only some are kept. */
const KEPT_DECODERS = 100;
const decoders = new Map<string, TextDecoder>();

function decoderOf(label: string): TextDecoder | null {
  const kept = decoders.get(label);
  if (kept !== undefined) return kept;
  try {
    const decoder = new TextDecoder(ownValue(ALIASES, label) ?? label);
    if (decoders.size < KEPT_DECODERS) decoders.set(label, decoder);
    return decoder;
  } catch {
    return null;
  }
}

/** Charset names seen in mail that are not in the standard. */
const ALIASES: Readonly<Record<string, string>> = {
  cp936: 'gb18030',
  ms936: 'gb18030',
  'gb-18030': 'gb18030',
  hz: 'gb18030',
  cp950: 'big5',
  cp932: 'shift_jis',
  'iso-2022-jp-1': 'iso-2022-jp',
  'iso-2022-jp-2': 'iso-2022-jp',
  cp949: 'euc-kr',
  cp850: 'windows-1252',
  cp437: 'windows-1252',
  'utf-8-strict': 'utf-8',
};
