/**
 * The text of a message for SEARCH BODY and TEXT: its text parts decoded (transfer encoding, charset) without
 * markup, and the headers of its parts and of enclosed messages; in lower case, at most 1 MiB per message.
 *
 * As in Dovecot, BODY searches text only and TEXT also all headers; a message/... part that is not a complete
 * message (delivery-status, partial, disposition-notification) is text. After a change here, raise `VERSION` of the
 * search file.
 */
import type { Part, SearchText } from '../../mail/message.ts';
import { decodeCharset } from './charset.ts';
import { decodeWords } from './encoded-word.ts';
import { type Field, parseFields, unfold } from './header.ts';
import { isMessage } from './structure.ts';

/** Returns the octets of the content from `start` (inclusive) to `end` (exclusive). */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** Maximum characters of the result; about as many octets are read. */
const MAX_TEXT = 1024 * 1024;
/** Minimum octets per read, since a message may have thousands of short parts. */
const WINDOW = 16 * 1024;

/** All that a store keeps of a message for SEARCH. */
export async function searchTextOf(root: Part, read: ReadRange): Promise<SearchText> {
  const { headerStart, bodyStart } = root;
  const header = bodyStart - headerStart > MAX_HEAD ? null : await read(headerStart, bodyStart);
  const head = header === null ? null : searchableHead(Buffer.from(header).toString('latin1'));
  return { ...(await searchableText(root, read)), head };
}

export async function searchableText(root: Part, read: ReadRange, limit = MAX_TEXT): Promise<Omit<SearchText, 'head'>> {
  const pieces = { body: [] as string[], headers: [] as string[] };
  const readPart = byWindow(read, root.bodyEnd);
  let left = limit;
  for (const { start, end, of, decode } of textRanges(root)) {
    if (left <= 0) break;
    if (start >= end) continue;
    // Base64 is a third longer than the decoded data; cut at a complete group.
    const text = decode(await readPart(start, Math.min(end, start + Math.ceil(left / 3) * 4)))
      .slice(0, left)
      // A character reference can name half a character, which a store cannot keep as it is.
      .toWellFormed()
      .toLowerCase();
    left -= text.length;
    pieces[of].push(text);
  }
  return { body: pieces.body.join('\n'), headers: pieces.headers.join('\n') };
}

/** Reads at least a window at a time; `end` is the end of the content. */
function byWindow(read: ReadRange, end: number): ReadRange {
  let at = 0;
  let octets: Uint8Array = new Uint8Array(0);
  return async (from, to) => {
    if (from < at || to > at + octets.length) {
      octets = await read(from, Math.max(to, Math.min(from + WINDOW, end)));
      at = from;
    }
    return octets.subarray(from - at, to - at);
  };
}

interface TextRange {
  readonly start: number;
  readonly end: number;
  readonly of: 'body' | 'headers';
  readonly decode: (octets: Uint8Array) => string;
}

function* textRanges(part: Part): IterableIterator<TextRange> {
  if (part.type === 'text' || (part.type === 'message' && !isMessage(part))) {
    yield { start: part.bodyStart, end: part.bodyEnd, of: 'body', decode: (octets) => decodeText(part, octets) };
  }
  for (const child of part.parts) {
    yield { start: child.headerStart, end: child.bodyStart, of: 'headers', decode: decodeHeader };
    yield* textRanges(child);
  }
}

/** Longer headers, and those with more fields, are left to the search itself: it reads them with each row's prefix. */
const MAX_HEAD = 512 * 1024;
const MAX_HEAD_FIELDS = 10_000;

/** `SearchText.head` of a header in latin1. */
function searchableHead(header: string): string | null {
  // What is no field could go on with the prefix before it, or be read in another way behind it.
  if (!/^(?:[!-9;-~]+[ \t]*:|\r?\n|$)/.test(header)) return null;
  const fields = parseFields(header);
  if (fields.length > MAX_HEAD_FIELDS) return null;
  const text = headerText(fields).toLowerCase();
  return text.split('\r\n').length === Math.max(1, fields.length) && !/[\r\n]/.test(text.replaceAll('\r\n', ''))
    ? text
    : null;
}

/** One field per line, encoded-words decoded. */
export function headerText(fields: readonly Field[]): string {
  return fields.map(({ name, value }) => `${name}: ${decodeWords(unfold(value))}`).join('\r\n');
}

const decodeHeader = (octets: Uint8Array): string => headerText(parseFields(Buffer.from(octets).toString('latin1')));

/** The body of a text part for SEARCH. */
function decodeText(part: TextPart, octets: Uint8Array): string {
  const text = decodedText(part, octets);
  return part.subtype === 'html' ? stripMarkup(text) : text;
}

type TextPart = Pick<Part, 'encoding' | 'parameters' | 'subtype'>;

/** The body of a text part, with its markup. */
export function decodedText({ encoding, parameters }: TextPart, octets: Uint8Array): string {
  const charset = parameters.find(([name]) => name === 'charset')?.[1] ?? '';
  return decodeCharset(decodeTransfer(encoding, octets), charset);
}

/** Decodes the Content-Transfer-Encoding (RFC 2045 section 6); data with an unknown one is returned unchanged. */
function decodeTransfer(encoding: string, octets: Uint8Array): Uint8Array {
  if (encoding === 'base64') return Buffer.from(Buffer.from(octets).toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return octets;
  const text = Buffer.from(octets)
    .toString('latin1')
    .replace(/=[ \t]{0,80}\r?\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** Removes tags, scripts and styles, and resolves the most common character references. Every pattern is bounded. */
export function stripMarkup(html: string): string {
  return withoutElements(html)
    .replace(/<[^<>]{0,4000}>/g, ' ')
    .replace(
      /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,4}));/g,
      (all, decimal?: string, hex?: string, name?: string) => {
        if (name !== undefined) return ENTITIES[name] ?? all;
        const code = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
        return code <= 0x10ffff ? String.fromCodePoint(code) : all;
      },
    );
}

/** Removes <script> and <style> elements, whose content is not text. */
function withoutElements(html: string): string {
  // US-ASCII only, so that offsets are the same as in `html`.
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  let out = '';
  let at = 0;
  for (const open of lower.matchAll(/<(script|style)[\s>]/g)) {
    if (open.index < at) continue;
    const close = lower.indexOf(`</${open[1]}`, open.index);
    out += html.slice(at, open.index);
    at = close < 0 ? html.length : close;
  }
  return out + html.slice(at);
}
