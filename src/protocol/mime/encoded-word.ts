/**
 * Encoded-words in header text (RFC 2047). White space between two of them is dropped (section 6.2); adjacent words
 * with the same charset are joined before decoding, because some senders split a character between two words.
 */
import { decodeCharset, decodeLatin1 } from './charset.ts';

/** =?charset*language?B or Q?text?= ; every part is delimited by '?', so the search is linear. */
const WORD = /=\?([^?*\s]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*)\?=/g;

/**
 * Maximum number of words decoded per text: an unknown charset costs microseconds, and a header has room for 100,000
 * words.
 */
const MAX_WORDS = 5000;

/**
 * `text` is in latin1, as in the header; returns Unicode. Raw octets beyond US-ASCII are decoded as UTF-8 if valid.
 */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return decodeLatin1(text);
  let out = '';
  let at = 0;
  let charset = '';
  let run: Buffer[] = [];
  let words = 0;
  const finishRun = (): void => {
    if (run.length > 0) out += decodeCharset(Buffer.concat(run), charset);
    run = [];
  };
  for (const match of text.matchAll(WORD)) {
    words += 1;
    if (words > MAX_WORDS) break;
    const between = text.slice(at, match.index);
    const label = (match[1] ?? '').toLowerCase();
    const adjacent = at > 0 && /^[ \t\r\n]*$/.test(between);
    if (!adjacent || label !== charset) finishRun();
    if (!adjacent) out += decodeLatin1(between);
    charset = label;
    run.push(decodeWord(match[2] ?? '', match[3] ?? ''));
    at = match.index + match[0].length;
  }
  finishRun();
  return out + decodeLatin1(text.slice(at));
}

function decodeWord(encoding: string, text: string): Buffer {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(text, 'base64');
  const octets = text
    .replaceAll('_', ' ')
    .replace(/=([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(octets, 'latin1');
}
