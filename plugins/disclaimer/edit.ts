/** One text part with the disclaimer: in its own charset and encoding where that holds it, else in UTF-8. */
import type { Part } from '../../src/mail/message.ts';
import { decodedText, stripMarkup } from '../../src/protocol/mime/text.ts';
import { base64Lines, isPrintableAscii } from '../../src/protocol/mime/written-text.ts';

export interface Wording {
  readonly text: string;
  readonly html: string;
}

/** What a part becomes. */
export interface Edited {
  readonly body: Buffer;
  /** Of its header; null where it stays. */
  readonly fields: { readonly type: string; readonly encoding: string } | null;
}

/** In these, octets of US-ASCII mean something else, or may. */
const NOT_ASCII = /utf-?(?:7|16|32)|2022|hz|ucs/i;
/** Parameters of Content-Type that go on being so. */
const KEPT = ['format', 'delsp'];

/** Null: the disclaimer is there already. `octets`: the part's body. */
export function withDisclaimer(part: Part, octets: Uint8Array, wording: Wording): Edited | null {
  const isHtml = part.subtype === 'html';
  const text = decodedText(part, octets);
  if (bare(isHtml ? stripMarkup(text) : text).includes(bare(wording.text))) return null;
  const added = crlf(isHtml ? wording.html : wording.text).trimEnd();
  const charset = part.parameters.find(([name]) => name === 'charset')?.[1] ?? 'us-ascii';
  if (fits(part.encoding, charset, added)) {
    const latin1 = Buffer.from(octets).toString('latin1');
    return { body: Buffer.from(joined(latin1, Buffer.from(added).toString('latin1'), isHtml), 'latin1'), fields: null };
  }
  const kept = part.parameters.filter(([name, value]) => KEPT.includes(name) && /^\w+$/.test(value));
  return {
    body: Buffer.from(`${base64Lines(Buffer.from(joined(crlf(text), added, isHtml)))}\r\n`),
    fields: {
      type: [`text/${part.subtype}`, 'charset=utf-8', ...kept.map(([name, value]) => `${name}=${value}`)].join('; '),
      encoding: 'base64',
    },
  };
}

/** Whether the text can be written into the part as it is. */
function fits(encoding: string, charset: string, text: string): boolean {
  if (!/^(?:7bit|8bit|binary)$/.test(encoding) || NOT_ASCII.test(charset)) return false;
  if (isPrintableAscii(text.replaceAll('\r\n', ''))) return true;
  return encoding !== '7bit' && /^utf-?8$/i.test(charset);
}

/** Behind the text, and in HTML before the end of the page. */
function joined(text: string, added: string, isHtml: boolean): string {
  const end = isHtml ? endOfPage(text) : -1;
  if (end >= 0) return `${text.slice(0, end)}${added}\r\n${text.slice(end)}`;
  const before = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
  return isHtml ? `${before}${added}\r\n` : `${before}\r\n${added}\r\n`;
}

/** The last end of the body, or of the document; -1: neither is there. */
function endOfPage(html: string): number {
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const body = lower.lastIndexOf('</body');
  return body >= 0 ? body : lower.lastIndexOf('</html');
}

const crlf = (text: string): string => text.replace(/\r\n|\r|\n/g, '\r\n');

/** Without what quoting and other programs change. */
const bare = (text: string): string => text.replace(/[\s>|]+/g, '');
