/**
 * The packets of the milter protocol (libmilter/mfdef.h): a length of four octets, a letter, data. The length is that of
 * the peer: one beyond the limit is an error, not a reason to wait for it.
 */

export interface Packet {
  readonly letter: string;
  readonly data: Buffer;
}

export class MilterPacketError extends Error {
  override readonly name = 'MilterPacketError';
}

/**
 * Octets that a packet from a milter may have: bodies come in pieces of at most 1 MB.
 * @internal
 */
export const MAX_PACKET = 1024 * 1024 + 1;

export function encodePacket(letter: string, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const octets = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(1 + octets.reduce((sum, part) => sum + part.length, 0));
  head.write(letter, 4, 'latin1');
  return Buffer.concat([head, ...octets]);
}

/** Finds packets in what a milter sends, however it is divided. */
export class PacketReader {
  #held: Buffer[] = [];
  #size = 0;

  push(octets: Buffer): void {
    if (octets.length === 0) return;
    this.#held.push(octets);
    this.#size += octets.length;
  }

  /** Octets that were pushed and not taken. */
  get size(): number {
    return this.#size;
  }

  /** Undefined if more is needed. Throws MilterPacketError. */
  next(): Packet | undefined {
    if (this.#size < 4) return undefined;
    const length = this.#first(4).readUInt32BE();
    if (length === 0 || length > MAX_PACKET)
      throw new MilterPacketError(`unreasonable packet length: ${length} > ${MAX_PACKET}`);
    if (this.#size < 4 + length) return undefined;
    const all = this.#first(4 + length);
    this.#held = all.length > 4 + length ? [all.subarray(4 + length), ...this.#held.slice(1)] : this.#held.slice(1);
    this.#size -= 4 + length;
    return { letter: all.toString('latin1', 4, 5), data: all.subarray(5, 4 + length) };
  }

  /** The first piece, grown to at least this length: each octet is copied once for a packet. */
  #first(length: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#held;
    if (first.length >= length) return first;
    const all = Buffer.concat(this.#held, this.#size);
    this.#held = [all];
    return all;
  }
}
