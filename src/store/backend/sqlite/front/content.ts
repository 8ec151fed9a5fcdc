/** Content as callers see it: spools are written through the writer; octets are read by the reader. */
import type { Id } from '../../../../mail/account.ts';
import { freeNow } from '../../../../memory.ts';
import { CHUNK_SIZE, type ContentDraft, type ContentStore, type Spool } from '../../../content.ts';
import type { Read, WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

export const createContentStore = (writer: Link<WriterCalls>, read: Read): ContentStore => ({
  spool: () => new SqliteSpool(writer),
  ...createContentReads(read),
});

export function createContentReads(read: Read): Pick<ContentStore, 'read' | 'stream'> {
  return {
    async read(content, start = 0, end) {
      const bytes = await read('readContent', { content: Number(content), start, end: end ?? null });
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    },
    async *stream(content, start = 0, end) {
      const size = end ?? (await read('contentSize', { content: Number(content) }));
      for (let at = start; at < size; ) {
        // Up to the next chunk boundary, so that every piece comes from one row.
        const to = Math.min(size, (Math.floor(at / CHUNK_SIZE) + 1) * CHUNK_SIZE);
        const bytes = await read('readContent', { content: Number(content), start: at, end: to });
        if (bytes.length === 0) return;
        yield Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
        at = to;
      }
    },
  };
}

/** Octets for which a spool has room at first; most messages are not longer. It grows by this factor. */
const FIRST_ROOM = 16 * 1024;
const GROWTH = 4;

/** Collects octets into chunks; the writer stores one chunk while the next one is collected. */
class SqliteSpool implements Spool {
  readonly #writer: Link<WriterCalls>;
  #buffer = Buffer.allocUnsafeSlow(FIRST_ROOM);
  #filled = 0;
  #sequence = 0;
  #size = 0;
  #id: Id = 0;
  #writing: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(writer: Link<WriterCalls>) {
    this.#writer = writer;
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
    // Content shorter than one chunk travels with the acceptance.
    if (this.#sequence === 0) return { kind: 'inline', bytes: this.#buffer.subarray(0, this.#filled) };
    if (this.#filled > 0) await this.#flush();
    await this.#writing;
    return { kind: 'spooled', spool: this.#id, size: this.#size };
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#writing.catch(() => {});
    if (this.#id === 0) return;
    // If the store cannot write now, it sweeps the spool later.
    await this.#writer.call('discardSpool', { spool: Number(this.#id) }).catch(() => {});
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
    const sequence = this.#sequence;
    this.#sequence += 1;
    this.#writing = this.#writer.call('writeSpool', { spool: Number(this.#id), sequence, bytes }).then((id) => {
      this.#id = id;
      freeNow(bytes);
    });
    // The answer to the first chunk is the spool's id. An error surfaces when the promise is awaited next.
    this.#writing.catch(() => {});
    if (sequence === 0) await this.#writing;
  }
}
