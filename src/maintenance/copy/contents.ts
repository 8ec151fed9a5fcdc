/**
 * Contents, each once. What is written is read back and its SHA-256 compared before a row refers to it: a row on the
 * other side says that its content is there and equal, however often the copy was interrupted.
 */
import { createHash, type Hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { messageOf } from '../../errors.ts';
import type { Id } from '../../mail/account.ts';
import { CHUNK_SIZE } from '../../store/content.ts';
import type { StoreSource } from '../../store/source.ts';
import type { Store } from '../../store/store.ts';
import type { ContentRecord } from '../../store/transfer.ts';
import { contentRecords } from '../content-records.ts';
import type { Tally } from './tally.ts';

/** Pairs of ids that are remembered: most contents have rows close to each other. */
const KNOWN = 100_000;

/** The id on the other side; null if the source has it no longer; an Error if it cannot be copied. */
type Copied = Id | null | Error;

export class Contents {
  readonly #source: StoreSource;
  readonly #target: Store;
  readonly #tally: Tally;
  readonly #known = new LRUCache<Id, Id>({ max: KNOWN });

  constructor(source: StoreSource, target: Store, tally: Tally) {
    this.#source = source;
    this.#target = target;
    this.#tally = tally;
  }

  /** The short ones are in memory all at once. */
  async copy(contents: Iterable<Id>): Promise<ReadonlyMap<Id, Copied>> {
    const wanted = [...new Set(contents)];
    const copied = new Map<Id, Copied>(wanted.map((content) => [content, this.#known.get(content) ?? null]));
    const unknown = wanted.filter((content) => copied.get(content) === null);
    if (unknown.length === 0) return copied;
    const records = await contentRecords(this.#source, unknown);
    for (const [content, record] of records) copied.set(content, record instanceof Error ? record : null);
    const readable = [...records].flatMap(([content, record]) =>
      record === null || record instanceof Error ? [] : [{ content, record }],
    );
    const present = await this.#target.transfer.contentsOf(readable.map(({ record }) => record.queueId));
    const place = async (index: number): Promise<void> => {
      const one = readable[index];
      if (one === undefined) return;
      const there = present[index] ?? null;
      const result = await this.#copyOne(one.content, one.record, there).catch((error: unknown) => {
        // Its last row may have gone meanwhile; then it is written anew.
        if (there === null) throw error;
        return this.#copyOne(one.content, one.record, null);
      });
      if (!(result instanceof Error)) this.#known.set(one.content, result);
      copied.set(one.content, result);
    };
    const isLong = (index: number): boolean => (readable[index]?.record.size ?? 0) > CHUNK_SIZE;
    const [long, short] = [[...readable.keys()].filter(isLong), [...readable.keys()].filter((at) => !isLong(at))];
    await Promise.all(short.map(place));
    for (const index of long) await place(index);
    return copied;
  }

  /** The other side may have swept them. */
  forget(contents: Iterable<Id>): void {
    for (const content of contents) this.#known.delete(content);
  }

  async #copyOne(content: Id, record: ContentRecord, present: Id | null): Promise<Id | Error> {
    const digest = createHash('sha256');
    let id = present;
    try {
      if (id === null) id = await this.#write(content, record, digest);
      else for await (const piece of this.#pieces(content, record)) digest.update(piece);
    } catch (error) {
      if (error instanceof UnreadableError) return error;
      throw error;
    }
    if ((await digestOf(this.#target, id, record.size)) !== digest.digest('hex'))
      return new Error(`message ${record.queueId} is not the same when it is read back from the other side`);
    this.#tally.contents += 1;
    this.#tally.octets += record.size;
    return id;
  }

  async #write(content: Id, record: ContentRecord, digest: Hash): Promise<Id> {
    const spool = this.#target.content.spool();
    try {
      for await (const piece of this.#pieces(content, record)) {
        digest.update(piece);
        await spool.write(piece);
      }
      return await this.#target.transfer.putContent(record, await spool.finish());
    } catch (error) {
      await spool.discard();
      throw error;
    }
  }

  /** Throws UnreadableError, also where there are more or fewer octets than the store says. */
  async *#pieces(content: Id, { queueId, size }: ContentRecord): AsyncIterable<Buffer> {
    let read = 0;
    try {
      for await (const piece of piecesOf(this.#source, content, size)) {
        read += piece.length;
        yield piece;
      }
    } catch (error) {
      throw new UnreadableError(messageOf(error), { cause: error });
    }
    if (read !== size) throw new UnreadableError(`message ${queueId} has ${read} octets instead of ${size}`);
  }
}

/** The source cannot read a message: the others are copied nevertheless. */
class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

async function* piecesOf({ content }: Pick<StoreSource, 'content'>, id: Id, size: number): AsyncIterable<Buffer> {
  if (size > CHUNK_SIZE) yield* content.stream(id, 0, size);
  else yield await content.read(id, 0, size);
}

/** SHA-256 in hexadecimal. */
export async function digestOf(from: Pick<StoreSource, 'content'>, id: Id, size: number): Promise<string> {
  const digest = createHash('sha256');
  for await (const piece of piecesOf(from, id, size)) digest.update(piece);
  return digest.digest('hex');
}
