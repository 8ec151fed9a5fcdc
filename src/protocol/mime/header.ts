/**
 * The fields of a message header (RFC 5322 section 2.2), parsed tolerantly: obsolete syntax is accepted (section 4.5),
 * invalid lines are skipped. Linear time; never throws.
 */

import { decodeHeaderText } from './header-text.ts';

export interface Field {
  /** As written. */
  readonly name: string;
  /**
   * After the colon, including folding, without the last CRLF. From `parseFields`, one octet per character (latin1).
   */
  readonly value: string;
}

/**
 * A header as plugins see it. Values are text, decoded by `decodeHeaderText`: a value added to
 * `transaction.prepend` is written with exactly the octets it was read from.
 */
export interface Header {
  readonly fields: readonly Field[];
  /** The first field of that name (any case), unfolded and trimmed; null if there is none. */
  get(name: string): string | null;
  /** All fields of that name, unfolded and trimmed. */
  all(name: string): readonly string[];
}

/** Further fields and octets are ignored: a hostile header must not cost an object for every four octets. */
const MAX_FIELDS = 50_000;
export const MAX_HEADER_SIZE = 1024 * 1024;

/**
 * Parses the header at the start of a message, up to its blank line. If the first line is not a field, there is no
 * header.
 */
export function parseHeader(bytes: Uint8Array): Header {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MAX_HEADER_SIZE)).toString(
    'latin1',
  );
  return makeHeader(startsWithField(block) ? parseFields(block) : []);
}

/**
 * Printable US-ASCII except the colon; white space before the colon is obsolete but occurs. An mbox "From " line may
 * precede the first field.
 */
const FIELD = /^[!-9;-~]+[ \t]*:/;
const MBOX_FROM = /^>?From /;

export const startsWithField = (text: string): boolean => FIELD.test(text) || MBOX_FROM.test(text);

/** Fields of a header block in latin1, up to a blank line or the end of the text. */
export function parseFields(block: string): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at < block.length && fields.length < MAX_FIELDS) {
    const start = at;
    let end = lineEnd(block, at);
    if (isBlank(block, at, end)) break;
    at = end;
    // Continuation lines belong to the preceding field or invalid line.
    while (at < block.length && isFold(block.charCodeAt(at))) {
      end = lineEnd(block, at);
      at = end;
    }
    const field = block.slice(start, trimLineEnd(block, end));
    const colon = field.indexOf(':');
    const name = field.slice(0, Math.max(0, colon)).trimEnd();
    if (/^[!-9;-~]+$/.test(name)) fields.push({ name, value: field.slice(colon + 1) });
  }
  return fields;
}

/**
 * Joins folded lines (RFC 5322 section 2.2.3) and trims. A stray CR does not end a line: it becomes a space, so that
 * no reader of the value takes it for a line end.
 */
export function unfold(value: string): string {
  return trimSpace(
    value.includes('\n') || value.includes('\r') ? value.replace(/\r?\n/g, '').replaceAll('\r', ' ') : value,
  );
}

/** Trims US-ASCII white space only: in latin1, U+00A0 may be the last octet of a UTF-8 character. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

const makeHeader = (fields: readonly Field[]): Header =>
  headerOf(fields.map(({ name, value }) => ({ name, value: decodeHeaderText(value) })));

/** Of fields whose values are text. */
export function headerOf(texts: readonly Field[]): Header {
  const byName = new Map<string, string[]>();
  for (const field of texts) {
    const name = field.name.toLowerCase();
    const values = byName.get(name);
    const value = unfold(field.value);
    if (values === undefined) byName.set(name, [value]);
    else values.push(value);
  }
  return {
    fields: texts,
    get: (name) => byName.get(name.toLowerCase())?.[0] ?? null,
    all: (name) => byName.get(name.toLowerCase()) ?? [],
  };
}

function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at + 1;
}

function isBlank(text: string, start: number, end: number): boolean {
  return trimLineEnd(text, end) <= start;
}

function trimLineEnd(text: string, end: number): number {
  if (text.charCodeAt(end - 1) !== 10) return end;
  return text.charCodeAt(end - 2) === 13 ? end - 2 : end - 1;
}

const isFold = (code: number): boolean => code === 32 || code === 9;
