/** A new body in the making: in memory while it is short, then in a temporary file. */
import { TemporaryFile } from './temporary-file.ts';

/** Octets that are kept in memory. */
const IN_MEMORY = 128 * 1024;
const BLANK = Buffer.from('\r\n');

export class BodyDraft {
  readonly #folder: string;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #file: TemporaryFile | null = null;

  constructor(temporaryFolder: string) {
    this.#folder = temporaryFolder;
  }

  /** Octets so far. */
  get size(): number {
    return this.#size;
  }

  async write(octets: Uint8Array): Promise<void> {
    this.#size += octets.length;
    if (this.#file !== null) return this.#file.write(octets);
    this.#pieces.push(octets);
    if (this.#size <= IN_MEMORY) return;
    this.#file = await TemporaryFile.open(this.#folder);
    await this.#file.write(Buffer.concat(this.#pieces));
    this.#pieces = [];
  }

  /** With the blank line that separates it from the header. */
  async *read(): AsyncGenerator<Uint8Array> {
    yield BLANK;
    if (this.#file === null) yield* this.#pieces;
    else yield* this.#file.read();
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}
