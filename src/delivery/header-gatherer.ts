/**
 * Splits a message's header from its body while it comes in, and looks at each field's name once.
 *
 * A first line as mailbox files have it (`From someone Fri Nov 20 …`) becomes a field, X-Mailbox-Line, as
 * Postfix does it. The header ends at the first blank line, at the first line that is no field (a message typed by
 * hand may have no header at all), or at the limit. Linear however the octets are cut; at most
 * limit + one chunk is kept. Input has CRLF line ends.
 */
import type { PresentFields } from './trace.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
/** The longest field name that means anything here. */
const KNOWN_NAME = 32;
const MAILBOX_LINE = /^>*From /;
const MAILBOX_FIELD = Buffer.from('X-Mailbox-Line: ');

export class HeaderGatherer {
  /** Fields called Received: each is a hop. */
  hops = 0;
  complete = false;
  /** The header was ended by a blank line, which is still the first of the body. */
  separated = false;
  readonly #limit: number;
  readonly #drop: ReadonlySet<string>;
  readonly #names = new Set<string>();
  #buffer: Buffer = Buffer.alloc(0);
  /** Octets of #buffer in use: it grows by doubling. */
  #length = 0;
  #lineStart = 0;
  /** Offsets at which keeping and dropping change places: cuts are rare (Bcc, Return-Path). */
  readonly #cuts: number[] = [];
  #dropping = false;
  #hasField = false;
  readonly #kept: Buffer[] = [];

  /** `drop`: field names in lower case (message_drop_headers). */
  constructor(limit: number, drop: ReadonlySet<string>) {
    this.#limit = limit;
    this.#drop = drop;
  }

  get size(): number {
    return this.#length;
  }

  get present(): PresentFields {
    const has = (name: string): boolean => this.#names.has(name);
    const resent = [...this.#names].some((name) => name.startsWith('resent-'));
    const prefix = resent ? 'resent-' : '';
    return {
      resent,
      date: has(`${prefix}date`),
      from: has(`${prefix}from`),
      messageId: has(`${prefix}message-id`),
      destination: has('to') || has('cc') || has('resent-to') || has('resent-cc'),
    };
  }

  /** The lines that stay, without the blank line. */
  get kept(): readonly Buffer[] {
    return this.#kept;
  }

  /** Returns the first octets of the body (perhaps none) once the header is complete, null before. */
  push(chunk: Uint8Array): Uint8Array | null {
    this.#append(chunk);
    for (;;) {
      const end = this.#buffer.subarray(0, this.#length).indexOf(LF, this.#lineStart);
      if (end < 0) return this.#length > this.#limit ? this.#finishAt(this.#lineStart, false) : null;
      const step = this.#line(this.#lineStart, end);
      if (step !== null) return step;
      this.#lineStart = end + 1;
      if (this.#lineStart > this.#limit) return this.#finishAt(this.#lineStart, false);
    }
  }

  /** The message ended: what there is was the header, but for a last line that is no field. Returns that line, or nothing. */
  finish(): Uint8Array {
    if (this.complete) return this.#buffer.subarray(0, 0);
    if (this.#lineStart < this.#length) {
      const rest = this.#line(this.#lineStart, this.#length - 1);
      if (rest !== null) return rest;
    }
    return this.#finishAt(this.#length, false);
  }

  #append(chunk: Uint8Array): void {
    if (this.#length === 0) {
      // Most messages bring their whole header in the first chunk: nothing is copied.
      this.#buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    } else {
      const needed = this.#length + chunk.length;
      // The first chunk is the caller's and exactly full, so it is never written into.
      if (needed > this.#buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2));
        this.#buffer.copy(grown, 0, 0, this.#length);
        this.#buffer = grown;
      }
      this.#buffer.set(chunk, this.#length);
    }
    this.#length += chunk.length;
  }

  /** Null: the line belongs to the header. */
  #line(start: number, end: number): Uint8Array | null {
    const first = this.#buffer[start];
    if (first === LF || (first === CR && start + 1 >= end)) return this.#finishAt(start, true);
    if ((first === SPACE || first === TAB) && this.#hasField) return null;
    if (start === 0 && MAILBOX_LINE.test(this.#buffer.toString('latin1', 0, Math.min(end, KNOWN_NAME)))) {
      this.#kept.push(MAILBOX_FIELD);
      this.#hasField = true;
      return null;
    }
    const colon = this.#nameEnd(start, end);
    if (colon < 0) return this.#finishAt(start, false);
    this.#hasField = true;
    this.#field(start, colon);
    return null;
  }

  /** Where the field's name ends, or -1 where the line is no field (RFC 5322 section 3.6.8; white space before the colon is obsolete but seen). */
  #nameEnd(start: number, end: number): number {
    let at = start;
    for (; at <= end; at += 1) {
      const octet = this.#buffer[at] ?? 0;
      if (octet === COLON) return at > start ? at : -1;
      if (octet <= SPACE || octet > 126) break;
    }
    if (at === start) return -1;
    const name = at;
    while (at <= end && (this.#buffer[at] === SPACE || this.#buffer[at] === TAB)) at += 1;
    return this.#buffer[at] === COLON && at <= end ? name : -1;
  }

  #field(start: number, nameEnd: number): void {
    const name = nameEnd - start > KNOWN_NAME ? '' : this.#buffer.toString('latin1', start, nameEnd).toLowerCase();
    if (name === 'received') this.hops += 1;
    const drop = this.#drop.has(name);
    if (!drop) this.#names.add(name);
    if (drop === this.#dropping) return;
    this.#cuts.push(start);
    this.#dropping = drop;
  }

  #finishAt(offset: number, separated: boolean): Uint8Array {
    this.complete = true;
    this.separated = separated;
    let from = 0;
    let keeping = true;
    for (const cut of [...this.#cuts, offset]) {
      if (keeping && cut > from) this.#kept.push(this.#buffer.subarray(from, cut));
      keeping = !keeping;
      from = cut;
    }
    const rest = this.#buffer.subarray(offset, this.#length);
    this.#length = offset;
    return rest;
  }
}
