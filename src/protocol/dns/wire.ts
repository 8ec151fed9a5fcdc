/**
 * Octets of DNS messages, read and written (RFC 1035 section 4.1.4).
 *
 * The reader never exceeds its bounds, and each compression pointer must point before the part of the name
 * that contains it, so that loops are impossible. The writer compresses names against everything written
 * so far, case-insensitively, as BIND does. The reader throws WireError only, the writer MessageFullError only.
 */

import { type DomainName, labelOctets, nameKey, spellOctet, splitFirst } from './name.ts';

/** Invalid octets in a DNS message, sent by the peer. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** The message would exceed its length limit. */
export class MessageFullError extends Error {
  override readonly name = 'MessageFullError';
}

export class WireReader {
  readonly octets: Uint8Array;
  offset: number;
  /** Reading stops here; a compression pointer may refer to any earlier octet. */
  end: number;

  constructor(octets: Uint8Array, offset = 0, end = octets.length) {
    this.octets = octets;
    this.offset = offset;
    this.end = end;
  }

  get left(): number {
    return this.end - this.offset;
  }

  #take(count: number): number {
    const at = this.offset;
    if (at + count > this.end) throw new WireError('the message ends too early');
    this.offset = at + count;
    return at;
  }

  #at(index: number): number {
    return this.octets[index] ?? 0;
  }

  u8(): number {
    return this.#at(this.#take(1));
  }

  u16(): number {
    const at = this.#take(2);
    return (this.#at(at) << 8) | this.#at(at + 1);
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.octets.subarray(at, at + count);
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** Reads a name, decompressing it. */
  name(): DomainName {
    let text = '';
    let length = 1;
    let at = this.offset;
    let barrier = at;
    let after = -1;
    for (;;) {
      const limit = after < 0 ? this.end : this.octets.length;
      if (at >= limit) throw new WireError('a name ends too early');
      const size = this.#at(at);
      if (size === 0) {
        this.offset = after < 0 ? at + 1 : after;
        return text === '' ? '.' : text;
      }
      if (size >= 0xc0) {
        if (at + 2 > limit) throw new WireError('a name ends too early');
        const target = ((size & 0x3f) << 8) | this.#at(at + 1);
        if (target >= barrier) throw new WireError('a compression pointer does not point back');
        if (after < 0) after = at + 2;
        barrier = target;
        at = target;
        continue;
      }
      if (size > 63) throw new WireError('a label of unknown kind');
      length += size + 1;
      if (length > 255) throw new WireError('a name over 255 octets');
      if (at + 1 + size > limit) throw new WireError('a name ends too early');
      for (let i = at + 1; i <= at + size; i += 1) text += spellOctet(this.#at(i));
      text += '.';
      at += size + 1;
    }
  }
}

export class WireWriter {
  #buffer: Buffer;
  #offset = 0;
  readonly #limit: number;
  /** Offsets of the names written so far, by key. */
  readonly #names = new Map<string, number>();
  readonly #keyOf: (name: DomainName) => string;

  /**
   * `sameCase`: compress a name only against names of identical case, so that a zone is transferred as it was written
   * (as in BIND).
   */
  constructor(limit = 65535, room = 512, sameCase = false) {
    this.#limit = limit;
    this.#keyOf = sameCase ? (name) => name : nameKey;
    this.#buffer = Buffer.allocUnsafe(Math.min(room, limit));
  }

  get offset(): number {
    return this.#offset;
  }

  /** Discards everything written from `offset` on. */
  rewind(offset: number): void {
    this.#offset = offset;
    for (const [key, at] of this.#names) if (at >= offset) this.#names.delete(key);
  }

  #room(count: number): number {
    const at = this.#offset;
    const end = at + count;
    if (end > this.#limit) throw new MessageFullError('the message is full');
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#limit, Math.max(end, this.#buffer.length * 2)));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    this.#offset = end;
    return at;
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#buffer[at] = value;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#buffer.writeUInt16BE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#buffer.writeUInt32BE(value, at);
  }

  bytes(octets: ArrayLike<number>): void {
    const at = this.#room(octets.length);
    this.#buffer.set(octets, at);
  }

  /** Overwrites two octets written before, for lengths and counts that become known later. */
  patchU16(at: number, value: number): void {
    this.#buffer.writeUInt16BE(value, at);
  }

  name(name: DomainName, compress = false): void {
    for (let rest = name; rest !== '.'; ) {
      if (compress) {
        const key = this.#keyOf(rest);
        const seen = this.#names.get(key);
        if (seen !== undefined) {
          this.u16(0xc000 | seen);
          return;
        }
        if (this.#offset < 0x4000) this.#names.set(key, this.#offset);
      }
      const first = splitFirst(rest);
      const octets = labelOctets(first.label);
      this.u8(octets.length);
      this.bytes(octets);
      rest = first.rest;
    }
    this.u8(0);
  }

  /** The octets written: a view, valid until the next write. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#offset);
  }
}
