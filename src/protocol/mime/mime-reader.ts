/**
 * Splits a message into the header fields of all its entities and the text between them, in one pass (RFC 2045,
 * RFC 2046), with the structure that Postfix sees (mime_state(3)): what a header check is asked about is the same here
 * and there.
 *
 * Memory is bounded: a field is kept up to its limit, a line is read in pieces. Text that nobody wants to see line by
 * line is passed on as views of the chunk; once no boundary can follow, the rest of a message is not looked at.
 */
import { stripComments } from './parameters.ts';

export type HeaderKind = 'primary' | 'mime' | 'nested';

export type MimeFault = 'nesting' | 'header-8bit' | 'body-8bit' | 'encoding';

export type Piece =
  /** `text` has no last line end; between its lines stands one LF. Octets as latin1. */
  | { readonly kind: 'field'; readonly header: HeaderKind; readonly text: string }
  /** A line of a body, or the beginning of a long one (`ends` is false). `offset`: where it begins in its body. */
  | { readonly kind: 'line'; readonly text: string; readonly ends: boolean; readonly offset: number }
  /** Text to be passed on: bodies, and the blank lines behind headers. */
  | { readonly kind: 'text'; readonly octets: Buffer }
  /** Reported only where `reports` names it; nesting always. */
  | { readonly kind: 'fault'; readonly fault: MimeFault; readonly text: string };

export interface MimeReaderOptions {
  /** A field takes no further line once it is this long (header_size_limit). */
  readonly fieldLimit: number;
  /** Longest piece of a line (line_length_limit). */
  readonly lineLimit: number;
  /** Octets of a boundary that are compared (mime_boundary_length_limit). */
  readonly boundaryLimit: number;
  /** Whether parts and enclosed messages are looked for (disable_mime_input_processing is off). */
  readonly parts: boolean;
  /** How many octets of each body are given as `line`: none (0), or infinitely many. */
  readonly lines: number;
  readonly reports: ReadonlySet<MimeFault>;
}

type Container = 'multipart' | 'message' | 'partial' | 'leaf';

interface Multipart {
  readonly boundary: string;
  /** What its parts are where they do not say so (RFC 2046 section 5.1.5). */
  readonly parts: Container;
}

/**
 * Multiparts in each other: each line that may be a delimiter is compared with all. Postfix has no such limit at reception,
 * but the same for mail that is converted to 7bit (mime_nesting_limit).
 */
const MOST_OPEN = 100;

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
const CRLF = Buffer.from('\r\n');
const DELIMITER = Buffer.from('\n--');
const NOTHING = Buffer.alloc(0);

const FIELD = /^([!-9;-~]+)[ \t]*:/;
const FOLD = /^[ \t]/;
const EIGHT_BIT = /[\x80-\xff]/;
/** A header that was pasted from a mailbox file (Postfix keeps it as a field). */
const MAILBOX_LINE = /^>*From /;

/** Fields about the MIME structure: they are `mime` wherever they stand. */
const MIME_FIELDS: ReadonlySet<string> = new Set([
  'content-description',
  'content-disposition',
  'content-id',
  'content-transfer-encoding',
  'content-type',
  'mime-version',
]);
/** Content-Transfer-Encoding; another label changes nothing. */
const LABELS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary', 'base64', 'quoted-printable']);
const COMPOSITE_LABELS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);
const SUBTYPES: ReadonlyMap<string, Container> = new Map([
  ['message/rfc822', 'message'],
  ['message/global', 'message'],
  ['message/partial', 'partial'],
]);

const TYPE = /^[^\s()<>@,;:\\"/[\]?=]+\s*\/\s*[^\s()<>@,;:\\"/[\]?=]+/;
/** One parameter, or whatever else stands between two semicolons. */
const PARAMETER = /;\s*(?:([^\s()<>@,;:\\"/[\]?=]+)\s*=\s*(?:"((?:[^"\\]|\\[\s\S])*)"?|([^\s;()"]*)))?/g;

/** The kind of a field of a header of kind `header`. */
export function fieldKind(text: string, header: HeaderKind): HeaderKind {
  return MIME_FIELDS.has(nameOf(text)) ? 'mime' : header;
}

const nameOf = (field: string): string => field.slice(0, field.indexOf(':')).toLowerCase();

export class MimeReader {
  readonly #options: MimeReaderOptions;
  /** How many octets of each body are read line by line. */
  readonly #lines: number;
  readonly #open: Multipart[] = [];
  #out: Piece[] = [];
  /** The beginning of a line or of a delimiter. */
  #rest: Buffer = NOTHING;
  #atLineStart = true;
  #first = true;
  /** The header that is being read; null in a body. */
  #header: HeaderKind | null = 'primary';
  #field: string | null = null;
  #container: Container = 'leaf';
  #label = '7bit';
  #offset = 0;

  constructor(options: MimeReaderOptions) {
    this.#options = options;
    this.#lines = options.reports.has('body-8bit') ? Number.POSITIVE_INFINITY : options.lines;
  }

  /** The pieces may be views of the chunk. */
  push(chunk: Buffer): readonly Piece[] {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (at < data.length) {
      const next = this.#readsLines ? this.#takeLine(data, at) : this.#takeText(data, at);
      if (next === at) break;
      at = next;
    }
    this.#rest = data.subarray(at);
    return this.#take();
  }

  /** The message ended. */
  end(): readonly Piece[] {
    const rest = this.#rest;
    this.#rest = NOTHING;
    if (rest.length > 0) this.#line(rest.toString('latin1'), false);
    this.#endField();
    if (this.#header !== null) this.#endHeader();
    return this.#take();
  }

  #take(): readonly Piece[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  get #readsLines(): boolean {
    return this.#header !== null || this.#offset < this.#lines;
  }

  /** Returns where the next line begins; `at` if its end has to come first. */
  #takeLine(data: Buffer, at: number): number {
    const { lineLimit } = this.#options;
    const found = data.subarray(at, at + lineLimit + 2).indexOf(LF);
    if (found < 0 && data.length - at < lineLimit + 2) return at;
    const textEnd = found > 0 && data[at + found - 1] === CR ? found - 1 : found;
    const whole = found >= 0 && textEnd <= lineLimit;
    this.#line(data.toString('latin1', at, at + (whole ? textEnd : lineLimit)), whole);
    return at + (whole ? found + 1 : lineLimit);
  }

  /** Passes text on, up to a line that may be a delimiter. */
  #takeText(data: Buffer, at: number): number {
    if (this.#open.length === 0) return this.#pass(data, at, data.length);
    if (this.#atLineStart && data[at] === DASH) {
      if (at + 1 === data.length) return at;
      if (data[at + 1] === DASH) return this.#takeLine(data, at);
    }
    const found = data.indexOf(DELIMITER, at);
    if (found >= 0) return this.#pass(data, at, found + 1);
    // The last octet may be the first dash of a delimiter.
    const end = data.length - 1;
    return this.#pass(data, at, data[end] === DASH && end > at && data[end - 1] === LF ? end : data.length);
  }

  #pass(data: Buffer, at: number, end: number): number {
    this.#out.push({ kind: 'text', octets: data.subarray(at, end) });
    this.#atLineStart = data[end - 1] === LF;
    return end;
  }

  #line(text: string, ends: boolean): void {
    const starts = this.#atLineStart;
    this.#atLineStart = ends;
    if (this.#header !== null) {
      if (this.#takeField(text, starts)) return;
      this.#endField();
      const isPrimary = this.#header === 'primary';
      this.#endHeader();
      if (text === '' && ends) {
        this.#out.push({ kind: 'text', octets: CRLF });
        this.#beginBody();
        return;
      }
      // Without a blank line, what follows the message's header could be taken for more of it.
      if (isPrimary) this.#out.push({ kind: 'text', octets: CRLF });
    }
    if (starts && text.startsWith('--')) this.#meetDelimiter(text);
    this.#bodyLine(text, ends);
  }

  #bodyLine(text: string, ends: boolean): void {
    const { lines, reports } = this.#options;
    if (this.#label === '7bit' && reports.has('body-8bit') && EIGHT_BIT.test(text)) this.#report('body-8bit', text);
    if (this.#offset < lines) this.#out.push({ kind: 'line', text, ends, offset: this.#offset });
    else this.#out.push({ kind: 'text', octets: Buffer.from(ends ? `${text}\r\n` : text, 'latin1') });
    this.#offset += text.length + 1;
  }

  /** False if the line is not a part of a header. */
  #takeField(text: string, starts: boolean): boolean {
    const field = this.#field;
    if (field !== null && (!starts || FOLD.test(text))) {
      if (field.length < this.#options.fieldLimit) this.#field = field + (starts ? `\n${text}` : text);
      return true;
    }
    this.#endField();
    const isFirst = this.#first;
    this.#first = false;
    if (isFirst && MAILBOX_LINE.test(text)) {
      this.#field = `X-Mailbox-Line: ${text}`;
      return true;
    }
    const name = FIELD.exec(text)?.[1];
    if (name === undefined) return false;
    // White space before the colon is obsolete (RFC 5322 section 4.5).
    this.#field = name + text.slice(text.indexOf(':'));
    return true;
  }

  #endField(): void {
    const text = this.#field;
    const header = this.#header;
    if (text === null || header === null) return;
    this.#field = null;
    if (this.#options.parts) this.#readStructure(text);
    if (this.#options.reports.has('header-8bit') && EIGHT_BIT.test(text)) this.#report('header-8bit', text);
    this.#out.push({ kind: 'field', header: fieldKind(text, header), text });
  }

  #readStructure(field: string): void {
    const name = nameOf(field);
    if (name !== 'content-type' && name !== 'content-transfer-encoding') return;
    const value = stripComments(field.slice(field.indexOf(':') + 1));
    if (name === 'content-type') this.#readType(value);
    else {
      const label = value.split(/[\s;]/, 1)[0]?.toLowerCase() ?? '';
      if (LABELS.has(label)) this.#label = label;
    }
  }

  #readType(value: string): void {
    const type = TYPE.exec(value)?.[0] ?? '';
    const [top, sub] = type.toLowerCase().split(/\s*\/\s*/);
    this.#container = top === 'multipart' ? 'multipart' : (SUBTYPES.get(`${top}/${sub}`) ?? 'leaf');
    if (top !== 'multipart') return;
    // A second boundary is a way to hide parts: all are used.
    for (const [, name, quoted, plain] of value.slice(type.length).matchAll(PARAMETER)) {
      if (name?.toLowerCase() !== 'boundary') continue;
      const boundary = (quoted?.replace(/\\([\s\S])/g, '$1') ?? plain ?? '').slice(0, this.#options.boundaryLimit);
      if (this.#open.length >= MOST_OPEN) this.#report('nesting', `Content-Type: ${value}`);
      else if (boundary !== '') this.#open.push({ boundary, parts: sub === 'digest' ? 'message' : 'leaf' });
    }
  }

  #endHeader(): void {
    const allowed = this.#container === 'partial' ? this.#label === '7bit' : COMPOSITE_LABELS.has(this.#label);
    if (this.#container !== 'leaf' && !allowed && this.#options.reports.has('encoding'))
      this.#report('encoding', this.#label);
    this.#header = null;
    this.#first = false;
    this.#offset = 0;
  }

  /** Behind the blank line of a header. */
  #beginBody(): void {
    if (this.#container === 'message') this.#beginHeader('nested', 'leaf');
    else if (this.#container === 'multipart') this.#beginBetween();
  }

  #beginHeader(header: HeaderKind, container: Container): void {
    this.#header = header;
    this.#container = container;
    this.#label = '7bit';
  }

  /** The text before, between and behind the parts of a multipart. */
  #beginBetween(): void {
    this.#container = 'leaf';
    this.#label = '7bit';
    this.#offset = 0;
  }

  #meetDelimiter(text: string): void {
    const found = this.#open.findLastIndex(({ boundary }) => text.startsWith(boundary, 2));
    const multipart = this.#open[found];
    if (multipart === undefined) return;
    const isLast = text.startsWith('--', 2 + multipart.boundary.length);
    this.#open.length = isLast ? found : found + 1;
    if (isLast) this.#beginBetween();
    else this.#beginHeader('mime', multipart.parts);
  }

  #report(fault: MimeFault, text: string): void {
    this.#out.push({ kind: 'fault', fault, text });
  }
}
