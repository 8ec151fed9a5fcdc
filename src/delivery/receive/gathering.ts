/**
 * Where a body waits while it comes in: in memory up to a chunk's size, beyond it in a temporary
 * file (plugins will want to read it) or directly in the store's spool (nobody will). Memory stays
 * bounded whatever the message's size.
 */
import { CHUNK_SIZE, type ContentStore } from '../../store/content.ts';
import { type Composed, composeInline, SpooledComposition } from './composition.ts';
import { TemporaryFile } from './temporary-file.ts';

/** What stays free of a chunk for the header lines that are added at the end. */
const HEAD_ROOM = 16 * 1024;
/** So many pieces become one: a sender of single octets would else fill memory with what surrounds them. */
const MANY_PIECES = 512;

type Place =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly file: TemporaryFile }
  | { readonly kind: 'spool'; readonly composition: SpooledComposition };

export interface GatheringOptions {
  readonly content: ContentStore;
  readonly folder: string;
  /** The body will be read before the head is known. */
  readonly reread: boolean;
  /**
   * The whole header, the house's lines included; asked once: by `compose`, or before it where the body outgrows memory
   * and nobody will read it.
   */
  head(): Promise<readonly Uint8Array[]>;
}

export class Gathering {
  readonly #options: GatheringOptions;
  #place: Place = { kind: 'memory' };
  #pieces: Uint8Array[] = [];
  #size = 0;
  /** Writes beyond memory, one after the other. */
  #writing: Promise<void> | undefined;

  constructor(options: GatheringOptions) {
    this.#options = options;
  }

  /** Nothing was written: the message is a header alone. */
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
    // Whoever waits hears of a fault; nobody may be waiting when the sender goes away.
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
