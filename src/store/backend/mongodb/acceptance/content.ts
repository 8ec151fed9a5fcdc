/** Content: short ones lie in the document of their acceptance, long ones in chunks that are written ahead of it. */
import type { Id } from '../../../../mail/account.ts';
import { CHUNK_SIZE, type ContentDraft, type ContentStore } from '../../../content.ts';
import { ChunkedSpool, type Chunks } from '../../chunked-spool.ts';
import type { Database } from '../database/database.ts';
import type { ContentDocument } from '../database/documents.ts';
import { chunkKey } from '../database/references.ts';
import { newId } from '../log/mailbox-state.ts';
import { TakenOverError } from '../log/taken-over.ts';

/** Octets one call may read at most. */
const MAX_READ = 4 * 1024 * 1024;

/** Chunks per command: longer than any message is that a client may send. */
const CHUNKS_AT_ONCE = 1000;

type Stored = Pick<ContentDocument, '_id' | 'size' | 'bytes' | 'chunks'>;

export function createContentStore(database: Database, by: string, clock: () => number): ContentStore {
  const find = async (content: Id, withBytes: boolean): Promise<Stored> => {
    const found = await database.contents.findOne<Stored>(
      { _id: String(content), 'refs.0': { $exists: true } },
      { projection: { size: 1, chunks: 1, ...(withBytes ? { bytes: 1 } : {}) } },
    );
    if (found === null) throw new Error(`content ${content} is no longer in the store`);
    return found;
  };
  return {
    spool: () => new ChunkedSpool(new MongoChunks(database, by, clock)),
    async read(content, start = 0, end) {
      return readRange(database, await find(content, true), start, end);
    },
    async *stream(content, start = 0, end) {
      const stored = await find(content, true);
      const last = Math.min(end ?? stored.size, stored.size);
      for (let at = start; at < last; ) {
        // Up to the next chunk boundary, so that every piece comes from one document.
        const to = Math.min(last, (Math.floor(at / CHUNK_SIZE) + 1) * CHUNK_SIZE);
        yield await readRange(database, stored, at, to);
        at = to;
      }
    },
  };
}

async function readRange(database: Database, stored: Stored, from: number, to: number | undefined): Promise<Buffer> {
  const end = Math.min(to ?? stored.size, stored.size);
  const start = Math.min(Math.max(0, from), end);
  if (end - start > MAX_READ) throw new RangeError(`at most ${MAX_READ} octets can be read at once: use stream`);
  if (start === end) return Buffer.alloc(0);
  if (stored.chunks === undefined) return bufferOf(stored.bytes, stored._id, start, end);
  const first = Math.floor(start / CHUNK_SIZE);
  const numbers = Array.from({ length: Math.floor((end - 1) / CHUNK_SIZE) - first + 1 }, (_, i) => first + i);
  const { chunks } = stored;
  const keys = numbers.map((number) => chunkKey(chunks, number));
  const found = await database.chunks.find({ _id: { $in: keys } }, { batchSize: keys.length + 1 }).toArray();
  const byKey = new Map(found.map(({ _id, bytes }) => [_id, bytes]));
  return Buffer.concat(
    numbers.map((number, i) =>
      bufferOf(
        byKey.get(keys[i] ?? ''),
        `${stored._id}, chunk ${number}`,
        Math.max(start - number * CHUNK_SIZE, 0),
        Math.min(end - number * CHUNK_SIZE, CHUNK_SIZE),
      ),
    ),
  );
}

function bufferOf(bytes: Uint8Array | undefined, what: string, start: number, end: number): Buffer {
  if (bytes === undefined || bytes.length < end)
    throw new Error(`content ${what} is damaged: octets are missing in the database`);
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Longer than a chunk, but in memory: written like a spool. Returns the spool. */
export async function writeChunks(
  database: Database,
  by: string,
  clock: () => number,
  bytes: Uint8Array,
): Promise<ContentDraft> {
  const spool = new ChunkedSpool(new MongoChunks(database, by, clock));
  await spool.write(bytes);
  return spool.finish();
}

/** Takes the spool for this content; false if it does not exist: discarded, swept, or another content's. */
export async function takeSpool(database: Database, spool: string, content: string): Promise<boolean> {
  const { matchedCount } = await database.spools.updateOne(
    { _id: spool, content: { $in: [null, content] } },
    { $set: { content } },
  );
  return matchedCount > 0;
}

/** The chunks of a spool, each a document. */
class MongoChunks implements Chunks {
  readonly #database: Database;
  readonly #by: string;
  readonly #clock: () => number;
  readonly #id = newId();
  #count = 0;

  constructor(database: Database, by: string, clock: () => number) {
    this.#database = database;
    this.#by = by;
    this.#clock = clock;
  }

  /** The spool's own document comes first: without it nobody would find its chunks. */
  async store(sequence: number, bytes: Uint8Array): Promise<void> {
    if (sequence === 0)
      await this.#database.spools.insertOne({ _id: this.#id, by: this.#by, at: this.#clock(), content: null });
    await this.#database.chunks.insertOne({ _id: chunkKey(this.#id, sequence), bytes });
    this.#count = sequence + 1;
  }

  /** Where this process stood still for long, another one may have swept the first chunks. */
  async finish(): Promise<Id> {
    if ((await this.#database.spools.findOne({ _id: this.#id, content: null })) !== null) return this.#id;
    await dropSpool(this.#database, this.#id, this.#count);
    throw new TakenOverError();
  }

  async discard(count: number): Promise<void> {
    if (await refuseSpool(this.#database, this.#id)) await dropSpool(this.#database, this.#id, count);
  }
}

/** From now on no content can take this spool; false if one has. */
export async function refuseSpool(database: Database, spool: string): Promise<boolean> {
  const { matchedCount } = await database.spools.updateOne(
    { _id: spool, content: { $in: [null, ''] } },
    { $set: { content: '' } },
  );
  return matchedCount > 0;
}

/** A spool whose chunks no content has; without it nobody would find them, so it goes last. */
export async function dropSpool(database: Database, spool: string, count?: number): Promise<void> {
  await dropChunks(database, spool, count);
  await database.spools.deleteOne({ _id: spool });
}

/** `count`: how many there are; where that is not known, they are looked for until many numbers in a row are free. */
export async function dropChunks(database: Database, spool: string, count?: number): Promise<void> {
  for (let from = 0; from < (count ?? Number.POSITIVE_INFINITY); from += CHUNKS_AT_ONCE) {
    const length = Math.min(CHUNKS_AT_ONCE, (count ?? Number.POSITIVE_INFINITY) - from);
    const keys = Array.from({ length }, (_, i) => chunkKey(spool, from + i));
    const { deletedCount } = await database.chunks.deleteMany({ _id: { $in: keys } });
    if (count === undefined && deletedCount === 0) break;
  }
}
