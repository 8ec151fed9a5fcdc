/**
 * Splits a message's header from its body while it is received, and examines each field's name once.
 *
 * As in Postfix: a first line in mailbox format (`From someone Fri Nov 20 …`) becomes a field, X-Mailbox-Line; white
 * space between a field's name and its colon is removed; a field longer than header_size_limit is cut, following fields
 * are kept. The header ends at the first blank line or at the first line that is not a field (a message typed by hand
 * may have no header at all). The first MAX_KEPT_HEADER octets are kept; the rest of a longer header is passed on at
 * once. Takes linear time however the input is split. Input has CRLF line ends.
 */
import type { PresentFields } from './trace.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
/** The longest field name that is examined. */
const KNOWN_NAME = 32;
/** A line without a colon within this many octets is not a field (Postfix: line_length_limit). */
const MAX_NAME = 2048;
/**
 * How much of a header is kept in memory; plugins see these fields. The parsers of protocol/mime have the same limit.
 * @internal
 */
export const MAX_KEPT_HEADER = 1024 * 1024;
/**
 * Merge this many pieces into one buffer; otherwise a client sending short chunks would fill memory with per-object
 * overhead.
 */
const MANY_PIECES = 512;
/** A field is cut at a line end if that leaves at least this fraction of the limit, otherwise within a line. */
const NICE_CUT = 0.9;
const MAILBOX_LINE = /^>*From /;
const MAILBOX_FIELD = Buffer.from('X-Mailbox-Line: ');
const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

const PRESENCE: ReadonlySet<string> = new Set(['date', 'from', 'message-id', 'to', 'cc']);

/** How a line is treated: a part of the header, or the beginning of the body. */
type Line =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  /** The field exceeds its limit: this many octets of the line are kept, perhaps none. */
  | { readonly kind: 'cut'; readonly octets: number }
  /** White space before the colon: `nameEnd` and `colon` are offsets in the line. */
  | { readonly kind: 'close-up'; readonly nameEnd: number; readonly colon: number }
  | { readonly kind: 'end'; readonly separated: boolean };

const KEEP: Line = { kind: 'keep' };
const DROP: Line = { kind: 'drop' };
const BLANK: Line = { kind: 'end', separated: true };
const NO_FIELD: Line = { kind: 'end', separated: false };

export class HeaderGatherer {
  /** Number of Received fields: each is a hop. */
  hops = 0;
  /** It has a Delivered-To field: it was in a mailbox, or somebody forwarded it. */
  wasDelivered = false;
  complete = false;
  /** A blank line ended the header; it is still the first line of the body. */
  separated = false;
  readonly #limit: number;
  readonly #drop: ReadonlySet<string>;
  readonly #names = new Set<string>();
  #resent = false;
  /** An incomplete line. The buffer doubles as needed; the first #searched octets contain no LF. */
  #partial: Buffer = NOTHING;
  #length = 0;
  #searched = 0;
  /** The rest of the line is discarded: it may be too long to wait for. */
  #skipping = false;
  #first = true;
  /**
   * The current field: octets so far, a line end counted as one (as in Postfix), or null if the rest of it is
   * discarded.
   */
  #field: { used: number } | null = null;
  #hasField = false;
  #kept: Buffer[] = [];
  #keptSize = 0;
  #overflow: Buffer[] = [];

  /** `limit`: octets of one field (header_size_limit). `drop`: field names in lower case (message_drop_headers). */
  constructor(limit: number, drop: ReadonlySet<string>) {
    this.#limit = limit;
    this.#drop = drop;
  }

  get present(): PresentFields {
    const has = (name: string): boolean => this.#names.has(name);
    const prefix = this.#resent ? 'resent-' : '';
    return {
      resent: this.#resent,
      date: has(`${prefix}date`),
      from: has(`${prefix}from`),
      messageId: has(`${prefix}message-id`),
      destination: has('to') || has('cc') || has('resent-to') || has('resent-cc'),
    };
  }

  /** The remaining lines, without the blank line: their first MAX_KEPT_HEADER octets. */
  get kept(): readonly Buffer[] {
    return this.#kept;
  }

  /** The header is longer than `kept`. */
  get overflows(): boolean {
    return this.#keptSize > MAX_KEPT_HEADER;
  }

  /** The lines after those of `kept` that arrived since the last call. */
  takeOverflow(): readonly Buffer[] {
    const taken = this.#overflow;
    this.#overflow = [];
    return taken;
  }

  /** Returns the first octets of the body (perhaps none) once the header is complete, null before. */
  push(chunk: Uint8Array): Uint8Array | null {
    const data = this.#join(chunk);
    let at = 0;
    /** Start of the complete lines before `at` that are kept but not passed to #keep yet. */
    let run = 0;
    for (;;) {
      const lf = data.indexOf(LF, Math.max(at, this.#searched));
      if (lf < 0) break;
      const end = lf + 1;
      const line = this.#skipping ? DROP : this.#line(data, at, end);
      this.#skipping = false;
      if (line.kind === 'end') {
        this.#keep(data.subarray(run, at));
        return this.#end(data.subarray(at), line.separated);
      }
      if (line.kind !== 'keep') {
        this.#keep(data.subarray(run, at));
        run = this.#unusual(data, at, end, line);
      }
      at = end;
    }
    this.#keep(data.subarray(run, at));
    return this.#hold(data.subarray(at), at > 0 || this.#length === 0);
  }

  /**
   * The message ended, so everything was the header, except a last line that is not a field. Returns that line, or
   * nothing.
   */
  finish(): Uint8Array {
    if (this.complete) return NOTHING;
    const rest = this.#partial.subarray(0, this.#length);
    this.#length = 0;
    if (rest.length > 0) {
      const line = this.#line(rest, 0, rest.length);
      if (line.kind === 'end') return this.#end(rest, line.separated);
      this.#keep(rest.subarray(line.kind === 'keep' ? 0 : this.#unusual(rest, 0, rest.length, line)));
    }
    return this.#end(NOTHING, false);
  }

  #end(body: Buffer, separated: boolean): Buffer {
    this.complete = true;
    this.separated = separated;
    this.#partial = NOTHING;
    return body;
  }

  /** The chunk, appended to the held part of a line. */
  #join(chunk: Uint8Array): Buffer {
    if (this.#length === 0) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    const needed = this.#length + chunk.length;
    if (needed > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2));
      this.#partial.copy(grown, 0, 0, this.#length);
      this.#partial = grown;
    }
    this.#partial.set(chunk, this.#length);
    this.#length = needed;
    return this.#partial.subarray(0, needed);
  }

  /**
   * Holds the beginning of a line; `fresh`: #partial does not contain it already. A line over the limit is processed
   * without waiting for its end.
   */
  #hold(rest: Buffer, fresh: boolean): Uint8Array | null {
    const room =
      this.#hasField && (rest[0] === SPACE || rest[0] === TAB)
        ? this.#limit - (this.#field?.used ?? this.#limit)
        : this.#limit;
    if (this.#skipping || rest.length > Math.max(MAX_NAME, room) + 1) {
      const line = this.#skipping ? DROP : this.#line(rest, 0, rest.length);
      if (line.kind === 'end') return this.#end(rest, line.separated);
      // A line over its limit is cut or dropped, whatever else applies to it.
      if (line.kind === 'cut') this.#unusual(rest, 0, rest.length, line);
      this.#skipping = true;
      this.#partial = NOTHING;
      this.#length = 0;
      this.#searched = 0;
      return null;
    }
    if (fresh) {
      // Kept lines are views of the old #partial, which must not be overwritten.
      this.#partial = Buffer.from(rest);
      this.#length = rest.length;
    }
    this.#searched = rest.length;
    return null;
  }

  /** Classifies the line from `start` to `end`, including its line end. */
  #line(data: Buffer, start: number, end: number): Line {
    this.#searched = 0;
    const first = this.#first;
    this.#first = false;
    const octet = data[start];
    if (octet === LF || (octet === CR && start + 2 >= end)) return BLANK;
    const length = end - start - (data[end - 1] !== LF ? 0 : data[end - 2] === CR ? 2 : 1);
    if ((octet === SPACE || octet === TAB) && this.#hasField) return this.#measure(length) ?? KEEP;
    if (first && MAILBOX_LINE.test(data.toString('latin1', start, Math.min(end, start + KNOWN_NAME)))) {
      this.#hasField = true;
      this.#field = { used: MAILBOX_FIELD.length };
      this.#keep(MAILBOX_FIELD);
      return this.#measure(length) ?? KEEP;
    }
    const nameEnd = this.#nameEnd(data, start, Math.min(end, start + MAX_NAME));
    if (nameEnd < 0) return NO_FIELD;
    this.#hasField = true;
    this.#field = this.#isDropped(data, start, nameEnd) ? null : { used: 0 };
    const cut = this.#measure(length);
    if (cut !== null || data[nameEnd] === COLON) return cut ?? KEEP;
    return { kind: 'close-up', nameEnd: nameEnd - start, colon: data.indexOf(COLON, nameEnd) - start };
  }

  /** Null: the whole line of this length is kept. */
  #measure(length: number): Line | null {
    const field = this.#field;
    if (field === null) return DROP;
    const { used } = field;
    if (used + length <= this.#limit) {
      field.used += length + 1;
      return null;
    }
    this.#field = null;
    return { kind: 'cut', octets: used > NICE_CUT * this.#limit ? 0 : this.#limit - used };
  }

  /** Keeps the remaining part of such a line; returns the offset from which octets are kept unchanged. */
  #unusual(data: Buffer, start: number, end: number, line: Line): number {
    switch (line.kind) {
      case 'cut':
        if (line.octets > 0) {
          this.#keep(data.subarray(start, start + line.octets));
          this.#keep(CRLF);
        }
        return end;
      case 'close-up':
        this.#keep(data.subarray(start, start + line.nameEnd));
        return start + line.colon;
      default:
        return end;
    }
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return;
    // From the first piece that exceeds the limit on, everything overflows, to keep the order.
    this.#keptSize += piece.length;
    if (this.overflows) this.#overflow.push(piece);
    else {
      this.#kept.push(piece);
      if (this.#kept.length >= MANY_PIECES) this.#kept = [Buffer.concat(this.#kept)];
    }
  }

  /**
   * Where the field's name ends, or -1 if the line is not a field (RFC 5322 section 3.6.8; white space before the colon
   * is obsolete but occurs).
   */
  #nameEnd(data: Buffer, start: number, end: number): number {
    let at = start;
    for (; at < end; at += 1) {
      const octet = data[at] ?? 0;
      if (octet === COLON) return at > start ? at : -1;
      if (octet <= SPACE || octet > 126) break;
    }
    if (at === start) return -1;
    const nameEnd = at;
    while (at < end && (data[at] === SPACE || data[at] === TAB)) at += 1;
    return data[at] === COLON && at < end ? nameEnd : -1;
  }

  /** Notes the fields that matter, and returns whether to drop this one. */
  #isDropped(data: Buffer, start: number, nameEnd: number): boolean {
    if (nameEnd - start > KNOWN_NAME) return false;
    const name = data.toString('latin1', start, nameEnd).toLowerCase();
    if (name === 'received') this.hops += 1;
    if (name === 'delivered-to') this.wasDelivered = true;
    const resent = name.startsWith('resent-');
    // A Resent-Bcc says so too, although it is dropped.
    if (resent) this.#resent = true;
    if (this.#drop.has(name)) return true;
    if (PRESENCE.has(resent ? name.slice(7) : name)) this.#names.add(name);
    return false;
  }
}
