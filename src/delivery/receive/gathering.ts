/**
 * Holds a body while it is received: in memory up to a chunk's size, beyond that in a temporary file (if plugins will
 * read it) or directly in the store's spool (if not). Memory is bounded for any message size.
 */
import { CHUNK_SIZE, type ContentStore } from '../../store/content.ts';
import { type Composed, composeInline, SpooledComposition } from './composition.ts';
import { TemporaryFile } from './temporary-file.ts';

/** Room reserved in a chunk for the header lines added at the end. */
const HEAD_ROOM = 16 * 1024;
/**
 * Merge this many pieces into one buffer; otherwise a client sending single bytes would fill memory with per-object
 * overhead.
 */
const MANY_PIECES = 512;

type Place =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly file: TemporaryFile }
  | { readonly kind: 'spool'; readonly composition: SpooledComposition };

export interface GatheringOptions {
  readonly content: Pick<ContentStore, 'spool'>;
  readonly folder: string;
  /** The body will be read before the head is known. */
  readonly reread: boolean;
  /**
   * The whole header, including our own lines; called once: by `compose`, or earlier if the body outgrows memory and no
   * plugin will read it.
   */
  head(): Promise<readonly Uint8Array[]>;
}

export class Gathering {
  readonly #options: GatheringOptions;
  #place: Place = { kind: 'memory' };
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** Chained writes of what exceeds memory. */
  #writing: Promise<void> | undefined;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Nothing was written: the message consists only of a header. */
  get isEmpty(): boolean {
    return this.#size === 0;
  }

  write(octets: Uint8Array): Promise<void> | undefined {
    if (octets.length === 0) return this.#writing;
    this.#size += octets.length;
    if (this.#writing === undefined) {
      this.#pieces.push(octets);
      if (this.#size <= CHUNK_SIZE - HEAD_ROOM) {
        if (this.#pieces.length >= MANY_PIECES) this.#pieces = [Buffer.concat(this.#pieces)];
        return undefined;
      }
      this.#writing = this.#spill();
    } else {
      this.#writing = this.#writing.then(() => this.#append(octets));
    }
    // Errors reach whoever awaits this; if the sender disconnected, nobody does.
    this.#writing.catch(() => {});
    return this.#writing;
  }

  async #spill(): Promise<void> {
    if (this.#options.reread) {
      this.#place = { kind: 'file', file: await TemporaryFile.open(this.#options.folder) };
    } else {
      const composition = new SpooledComposition(this.#options.content);
      this.#place = { kind: 'spool', composition };
      for (const piece of await this.#options.head()) await composition.write(piece);
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    for (const piece of pieces) await this.#append(piece);
  }

  async #append(octets: Uint8Array): Promise<void> {
    if (this.#place.kind === 'file') await this.#place.file.write(octets);
    else if (this.#place.kind === 'spool') await this.#place.composition.write(octets);
  }

  /** The body so far; for plugins, before `compose`. */
  async *read(): AsyncGenerator<Buffer> {
    await this.#writing;
    if (this.#place.kind === 'file') yield* this.#place.file.read();
    else for (const piece of this.#pieces) yield Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  }

  /** Holds another body instead. */
  async replace(body: AsyncIterable<Uint8Array>): Promise<void> {
    await this.discard();
    this.#place = { kind: 'memory' };
    this.#pieces = [];
    this.#size = 0;
    this.#writing = undefined;
    for await (const piece of body) await this.write(piece);
    await this.#writing;
  }

  /** Ends the gathering. */
  async compose(): Promise<Composed> {
    if (this.#writing !== undefined) await this.#writing;
    if (this.#place.kind === 'spool') return this.#place.composition.finish();
    const head = await this.#options.head();
    const headSize = head.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#place.kind === 'memory' && headSize + this.#size <= CHUNK_SIZE) {
      return composeInline([...head, ...this.#pieces], headSize + this.#size);
    }
    const composition = new SpooledComposition(this.#options.content);
    const file = this.#place.kind === 'file' ? this.#place.file : null;
    this.#place = { kind: 'spool', composition };
    try {
      for (const piece of head) await composition.write(piece);
      if (file === null) for (const piece of this.#pieces) await composition.write(piece);
      else for await (const piece of file.read()) await composition.write(piece);
      return await composition.finish();
    } finally {
      await file?.close();
    }
  }

  /** Frees what is held. Never rejects. */
  async discard(): Promise<void> {
    this.#pieces = [];
    await this.#writing?.catch(() => {});
    if (this.#place.kind === 'file') await this.#place.file.close();
    else if (this.#place.kind === 'spool') await this.#place.composition.discard();
  }
}
