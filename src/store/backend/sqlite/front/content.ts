/** Content as callers see it: spools are written through the writer; octets are read by the reader. */
import type { Id } from '../../../../mail/account.ts';
import { CHUNK_SIZE, type ContentStore } from '../../../content.ts';
import { ChunkedSpool, type Chunks } from '../../chunked-spool.ts';
import type { Read, WriterCalls } from '../calls.ts';
import type { Link } from './link.ts';

export const createContentStore = (writer: Link<WriterCalls>, read: Read): ContentStore => ({
  spool: () => new ChunkedSpool(new SqliteChunks(writer)),
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

/** The chunks of a spool, stored by the writer. The answer to the first one is the spool's id. */
class SqliteChunks implements Chunks {
  readonly #writer: Link<WriterCalls>;
  #id: Id = 0;

  constructor(writer: Link<WriterCalls>) {
    this.#writer = writer;
  }

  async store(sequence: number, bytes: Uint8Array): Promise<void> {
    this.#id = await this.#writer.call('writeSpool', { spool: Number(this.#id), sequence, bytes });
  }

  async finish(): Promise<Id> {
    return this.#id;
  }

  async discard(): Promise<void> {
    if (this.#id !== 0) await this.#writer.call('discardSpool', { spool: Number(this.#id) });
  }
}
