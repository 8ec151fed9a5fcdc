/**
 * Octets received but not consumed, as a list of chunks, with the search for the next line end.
 * Each octet is examined once and copied at most once, however the input is split; many short chunks are merged.
 */

const LF = 0x0a;
/** More chunks than this, shorter than that on average, are merged into one. */
const MANY_CHUNKS = 128;
const SHORT_CHUNK = 512;
const NOTHING = Buffer.alloc(0);

export class LineBuffer {
  #chunks: Buffer[] = [];
  /** Octets of the first chunk already consumed. */
  #head = 0;
  #length = 0;
  /** There is no LF in the chunks before this one, nor in this one before `#scanOffset`. */
  #scanChunk = 0;
  #scanOffset = 0;
  /** Octets in the chunks before `#scanChunk`. */
  #scanned = 0;

  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    // A peer that sends single octets must not make us keep an object for each.
    if (this.#chunks.length > MANY_CHUNKS && this.#length < this.#chunks.length * SHORT_CHUNK) this.#merge();
  }

  /** The length of the first line including its LF, or -1 if it is not complete. */
  findLine(): number {
    for (; this.#scanChunk < this.#chunks.length; this.#scanChunk += 1) {
      const chunk = this.#chunks[this.#scanChunk] ?? NOTHING;
      const start = this.#scanChunk === 0 ? this.#head : 0;
      const at = chunk.indexOf(LF, Math.max(start, this.#scanOffset));
      if (at >= 0) {
        this.#scanOffset = at;
        return this.#scanned + at + 1 - start;
      }
      this.#scanned += chunk.length - start;
      this.#scanOffset = 0;
    }
    return -1;
  }

  /** The first `length` octets (or fewer, if there are not as many); not copied if they are in one chunk. */
  take(length: number): Buffer {
    const pieces: Buffer[] = [];
    let left = Math.min(length, this.#length);
    const taken = left;
    let used = 0;
    while (left > 0) {
      const chunk = this.#chunks[used] ?? NOTHING;
      const piece = chunk.subarray(this.#head, this.#head + left);
      pieces.push(piece);
      left -= piece.length;
      this.#head += piece.length;
      if (this.#head === chunk.length) {
        used += 1;
        this.#head = 0;
      }
    }
    if (used > 0) this.#chunks.splice(0, used);
    this.#length -= taken;
    this.#restartScan();
    const [only = NOTHING] = pieces;
    return pieces.length <= 1 ? only : Buffer.concat(pieces, taken);
  }

  /** The first octets, at most `length`: a copy, and they stay. */
  peek(length: number): Buffer {
    const octets = Buffer.from(this.take(length));
    this.unread(octets);
    return octets;
  }

  /** The rest of the first chunk, at most `limit` octets: for reading in pieces as received. */
  takePiece(limit: number): Buffer {
    return this.take(Math.min(limit, (this.#chunks[0]?.length ?? 0) - this.#head));
  }

  /** Puts back octets that were taken last but not used. */
  unread(octets: Buffer): void {
    if (octets.length === 0) return;
    const [first] = this.#chunks;
    if (first !== undefined && this.#head > 0) this.#chunks[0] = first.subarray(this.#head);
    this.#head = 0;
    this.#chunks.unshift(octets);
    this.#length += octets.length;
    this.#restartScan();
  }

  clear(): void {
    this.#chunks = [];
    this.#head = 0;
    this.#length = 0;
    this.#restartScan();
  }

  #restartScan(): void {
    this.#scanChunk = 0;
    this.#scanOffset = 0;
    this.#scanned = 0;
  }

  #merge(): void {
    const start = this.#scanChunk === 0 ? this.#head : 0;
    const offset = this.#scanned + Math.max(0, this.#scanOffset - start);
    this.#chunks = [Buffer.concat(this.#chunks).subarray(this.#head)];
    this.#head = 0;
    this.#restartScan();
    this.#scanOffset = offset;
  }
}
