/**
 * Collects the octets of a long message into chunks: one chunk is stored while the next one is collected. What fits into
 * one chunk is never stored here, and travels with its acceptance.
 */
import type { Id } from '../../mail/account.ts';
import { freeNow } from '../../memory.ts';
import { CHUNK_SIZE, type ContentDraft, type Spool } from '../content.ts';

/** Where the chunks of one spool go. */
export interface Chunks {
  /** Called for one chunk at a time, in order from 0. The bytes are not used after it has resolved. */
  store(sequence: number, bytes: Uint8Array): Promise<void>;
  /** All are stored. Resolves with the spool's id. */
  finish(): Promise<Id>;
  /** Removes so many, at least one, the last of which may not have been stored. If it rejects, they are swept later. */
  discard(count: number): Promise<void>;
}

/** Octets for which a spool has room at first; most messages are not longer. It grows by this factor. */
const FIRST_ROOM = 16 * 1024;
const GROWTH = 4;

export class ChunkedSpool implements Spool {
  readonly #chunks: Chunks;
  #buffer = Buffer.allocUnsafeSlow(FIRST_ROOM);
  #filled = 0;
  #sequence = 0;
  #size = 0;
  #writing: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(chunks: Chunks) {
    this.#chunks = chunks;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#ended) throw new Error('the spool is finished');
    let rest = chunk;
    while (rest.length > 0) {
      const part = rest.subarray(0, CHUNK_SIZE - this.#filled);
      this.#makeRoom(this.#filled + part.length);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      this.#size += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled === CHUNK_SIZE) await this.#flush();
    }
  }

  async finish(): Promise<ContentDraft> {
    if (this.#ended) throw new Error('the spool is finished');
    this.#ended = true;
    if (this.#sequence === 0) return { kind: 'inline', bytes: this.#buffer.subarray(0, this.#filled) };
    if (this.#filled > 0) await this.#flush();
    await this.#writing;
    return { kind: 'spooled', spool: await this.#chunks.finish(), size: this.#size };
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#writing.catch(() => {});
    if (this.#sequence > 0) await this.#chunks.discard(this.#sequence).catch(() => {});
  }

  #makeRoom(octets: number): void {
    if (octets <= this.#buffer.length) return;
    let room = this.#buffer.length;
    while (room < octets) room *= GROWTH;
    const larger = Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE, room));
    larger.set(this.#buffer.subarray(0, this.#filled));
    freeNow(this.#buffer);
    this.#buffer = larger;
  }

  /** Waits for the previous chunk, so that at most two are in memory and errors reach the caller. */
  async #flush(): Promise<void> {
    await this.#writing;
    const bytes = this.#buffer.subarray(0, this.#filled);
    this.#buffer = Buffer.allocUnsafeSlow(CHUNK_SIZE);
    this.#filled = 0;
    this.#writing = this.#chunks.store(this.#sequence, bytes).then(() => freeNow(bytes));
    this.#sequence += 1;
    // An error surfaces when the promise is awaited next.
    this.#writing.catch(() => {});
  }
}
