/**
 * A message header's fields (RFC 5322 section 2.2), read tolerantly: obsolete syntax is taken (section 4.5),
 * a line that is no field is left out. Linear in time; nothing throws.
 */

import { decodeHeaderText } from './header-text.ts';

export interface Field {
  /** As written. */
  readonly name: string;
  /**
   * After the colon, folding and all, without the last CRLF. From `parseFields` each character is one octet (latin1).
   */
  readonly value: string;
}

/**
 * A header as plugins see it. Values are text, decoded by `decodeHeaderText`: one that is put into
 * `transaction.prepend` is written with the very octets it was read from.
 */
export interface Header {
  readonly fields: readonly Field[];
  /** The first field of that name (any case), unfolded and trimmed; null where there is none. */
  get(name: string): string | null;
  /** All fields of that name, unfolded and trimmed. */
  all(name: string): readonly string[];
}

/** Fields and octets beyond these are not looked at: a hostile header must not cost an object for every four octets. */
const MAX_FIELDS = 50_000;
export const MAX_HEADER_SIZE = 1024 * 1024;

/**
 * Reads the header at the start of a message, up to its blank line. A first line that is no field means that there is
 * no header.
 */
export function parseHeader(bytes: Uint8Array): Header {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MAX_HEADER_SIZE)).toString(
    'latin1',
  );
  return makeHeader(startsWithField(block) ? parseFields(block) : []);
}

/**
 * Printable US-ASCII but for the colon; white space before the colon is obsolete yet seen. An mbox "From " line may
 * stand before the first field.
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
    // Continuation lines belong to the field, or to the faulty line, that they follow.
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
 * Joins folded lines (RFC 5322 section 2.2.3) and trims. A stray CR ends no line: it becomes a space, so that nobody
 * who reads the value takes it for one.
 */
export function unfold(value: string): string {
  return trimSpace(
    value.includes('\n') || value.includes('\r') ? value.replace(/\r?\n/g, '').replaceAll('\r', ' ') : value,
  );
}

/** Trims US-ASCII white space alone: in latin1, U+00A0 may be the last octet of a UTF-8 character. */
export function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isSpace(text.charCodeAt(start))) start += 1;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

function makeHeader(fields: readonly Field[]): Header {
  const texts = fields.map(({ name, value }) => ({ name, value: decodeHeaderText(value) }));
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
