/**
 * Converts a message for a server without 8BITMIME (RFC 6152 section 3), as Postfix does
 * (mime_state(3)): each part whose Content-Transfer-Encoding is 8bit or binary becomes quoted-printable (RFC 2045
 * section 6.7), the label of multipart and message entities becomes 7bit, and message/rfc822 is converted recursively.
 * Parts labelled 7bit, base64 or quoted-printable, and all other header fields, are unchanged, so that signatures of
 * such parts remain valid.
 *
 * One pass, bounded memory: a line is processed in pieces, and of the header only the two relevant fields are buffered.
 */
import { parseParameterized, stripComments } from './parameters.ts';

/** Postfix: line_length_limit, header_size_limit, mime_boundary_length_limit. */
const MAX_PIECE = 2048;
const MAX_FIELD = 102_400;
const MAX_BOUNDARY = 2048;
/** A soft line break is inserted before a line would exceed this length. */
const QUOTED_LINE = 72;

const FIELD = /^([!-9;-~]+)[ \t]*:/;
const EIGHT_BIT = /[\x80-\xff]/;

type Container = 'message/rfc822' | 'message' | 'multipart' | 'leaf';

/** An open multipart. */
interface Multipart {
  readonly boundary: string;
  /** The default type of its parts without a Content-Type (RFC 2046 section 5.1.5). */
  readonly parts: Container;
}

interface Field {
  readonly name: 'content-type' | 'content-transfer-encoding' | 'other';
  /** The field including folding, limited in length; '' for `other`. */
  text: string;
}

const HELD: ReadonlyMap<string, Field['name']> = new Map([
  ['content-type', 'content-type'],
  ['content-transfer-encoding', 'content-transfer-encoding'],
]);
/** Whether data with this label may be 8-bit. An unknown label does not change the state. */
const LABELS: ReadonlyMap<string, boolean> = new Map([
  ['7bit', false],
  ['8bit', true],
  ['binary', true],
  ['base64', false],
  ['quoted-printable', false],
]);

export class SevenBitConverter {
  readonly #nestingLimit: number;
  readonly #open: Multipart[] = [];
  #out: string[] = [];
  /** The beginning of an incomplete line. */
  #rest = '';
  /** The last piece did not end its line. */
  #continued = false;
  #inHeader = true;
  #field: Field | null = null;
  /** The current entity. */
  #kind: Container = 'leaf';
  #eightBit = false;
  #quoted = '';
  #tooDeep = false;
  #headerEightBit = false;

  /** `nestingLimit`: how deep multiparts may stand in each other (mime_nesting_limit). */
  constructor(nestingLimit: number) {
    this.#nestingLimit = nestingLimit;
  }

  /** Multiparts are nested deeper than Postfix allows; the output must not be used. */
  get tooDeep(): boolean {
    return this.#tooDeep;
  }

  /** A header field of the message or of a part has octets beyond US-ASCII. */
  get headerIsEightBit(): boolean {
    return this.#headerEightBit;
  }

  push(octets: Buffer): Buffer {
    const text = this.#rest + octets.toString('latin1');
    let at = 0;
    for (;;) {
      const lf = text.indexOf('\n', at);
      if (lf < 0) break;
      this.#line(text.slice(at, lf > at && text.charCodeAt(lf - 1) === 0x0d ? lf - 1 : lf));
      at = lf + 1;
    }
    while (text.length - at > MAX_PIECE) {
      this.#take(text.slice(at, at + MAX_PIECE), false);
      at += MAX_PIECE;
    }
    this.#rest = text.slice(at);
    return this.#flush();
  }

  /** Adds a line end to a last line without one. */
  end(): Buffer {
    if (this.#rest !== '' || this.#continued)
      this.#line(this.#rest.endsWith('\r') ? this.#rest.slice(0, -1) : this.#rest);
    this.#rest = '';
    if (this.#inHeader) this.#endHeader();
    return this.#flush();
  }

  #flush(): Buffer {
    const octets = Buffer.from(this.#out.join(''), 'latin1');
    this.#out = [];
    return octets;
  }

  #line(text: string): void {
    let at = 0;
    for (; text.length - at > MAX_PIECE; at += MAX_PIECE) this.#take(text.slice(at, at + MAX_PIECE), false);
    this.#take(text.slice(at), true);
  }

  #take(text: string, ends: boolean): void {
    const continued = this.#continued;
    this.#continued = !ends;
    if (this.#inHeader) {
      if (this.#takeField(text, continued, ends)) return;
      this.#endHeader();
      this.#beginBody(text);
    }
    if (!continued && text.startsWith('--')) this.#meetBoundary(text);
    if (this.#eightBit && !this.#inHeader) this.#quote(text, ends);
    else this.#out.push(text, ends ? '\r\n' : '');
  }

  /** Returns false if this is not a header line. */
  #takeField(text: string, continued: boolean, ends: boolean): boolean {
    if (this.#field !== null && (continued || text.startsWith(' ') || text.startsWith('\t'))) {
      this.#extendField(this.#field, text, ends);
      return true;
    }
    this.#endField();
    const name = FIELD.exec(text)?.[1];
    if (name !== undefined) this.#beginField(name, text, ends);
    return name !== undefined;
  }

  #beginField(name: string, text: string, ends: boolean): void {
    this.#field = { name: HELD.get(name.toLowerCase()) ?? 'other', text: '' };
    // White space before the colon is obsolete (RFC 5322 section 4.5); Postfix removes it.
    this.#extendField(this.#field, name + text.slice(text.indexOf(':')), ends);
  }

  #extendField(field: Field, text: string, ends: boolean): void {
    this.#headerEightBit ||= EIGHT_BIT.test(text);
    const octets = ends ? `${text}\r\n` : text;
    if (field.name !== 'other' && field.text.length < MAX_FIELD) field.text += octets;
    // The encoding field is written later, once its value is known.
    if (field.name !== 'content-transfer-encoding') this.#out.push(octets);
  }

  #endField(): void {
    const field = this.#field;
    this.#field = null;
    if (field === null || field.name === 'other') return;
    const value = field.text.slice(field.text.indexOf(':') + 1);
    if (field.name === 'content-type') {
      this.#readType(value);
      return;
    }
    const label =
      stripComments(value)
        .split(/[ \t\r\n]/)[0]
        ?.toLowerCase() ?? '';
    this.#eightBit = LABELS.get(label) ?? this.#eightBit;
    if (!this.#eightBit) this.#out.push(field.text);
  }

  #readType(value: string): void {
    const { value: type, parameters } = parseParameterized(value.replaceAll('\r\n', ''));
    const [top = '', sub = ''] = type.split('/');
    this.#kind =
      top === 'multipart' ? 'multipart' : top !== 'message' ? 'leaf' : sub === 'rfc822' ? 'message/rfc822' : 'message';
    if (this.#kind !== 'multipart') return;
    // More than one boundary parameter is invalid, and a way to hide parts: use them all.
    for (const [name, boundary] of parameters) {
      if (name !== 'boundary') continue;
      if (this.#open.length > this.#nestingLimit) this.#tooDeep = true;
      else
        this.#open.push({
          boundary: boundary.slice(0, MAX_BOUNDARY),
          parts: sub === 'digest' ? 'message/rfc822' : 'leaf',
        });
    }
  }

  #endHeader(): void {
    this.#endField();
    if (this.#eightBit)
      this.#out.push(`Content-Transfer-Encoding: ${this.#kind === 'leaf' ? 'quoted-printable' : '7bit'}\r\n`);
  }

  /** `text` is the blank line, or a line that is not a field and is treated as the first of the body. */
  #beginBody(text: string): void {
    this.#inHeader = false;
    if (text !== '') this.#out.push('\r\n');
    else if (this.#kind === 'message/rfc822') this.#beginHeader('leaf');
    else if (this.#kind === 'multipart') this.#beginParts();
    // The blank line itself is passed on unchanged.
    this.#quoted = '';
  }

  #beginHeader(kind: Container): void {
    this.#inHeader = true;
    this.#kind = kind;
    this.#eightBit = false;
  }

  /** The text before, between and after the parts of a multipart is 7-bit. */
  #beginParts(): void {
    this.#kind = 'leaf';
    this.#eightBit = false;
  }

  #meetBoundary(text: string): void {
    const found = this.#open.findLastIndex(({ boundary }) => text.startsWith(boundary, 2));
    const multipart = this.#open[found];
    if (multipart === undefined) return;
    const isLast = text.startsWith('--', 2 + multipart.boundary.length);
    this.#open.length = isLast ? found : found + 1;
    this.#inHeader = !isLast;
    if (isLast) this.#beginParts();
    else this.#beginHeader(multipart.parts);
  }

  #quote(text: string, ends: boolean): void {
    let line = this.#quoted;
    for (let i = 0; i < text.length; i += 1) {
      if (line.length > QUOTED_LINE) {
        this.#out.push(line, '=\r\n');
        line = '';
      }
      const code = text.charCodeAt(i);
      line += (code < 32 && code !== 9) || code === 0x3d || code > 126 ? quotedOctet(code) : text.charAt(i);
    }
    if (ends) {
      const last = line.charCodeAt(line.length - 1);
      // White space at the end of a line could be lost in transit.
      this.#out.push(last === 32 || last === 9 ? line.slice(0, -1) + quotedOctet(last) : line, '\r\n');
      line = '';
    }
    this.#quoted = line;
  }
}

const quotedOctet = (code: number): string => `=${code.toString(16).toUpperCase().padStart(2, '0')}`;
