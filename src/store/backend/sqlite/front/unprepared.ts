/**
 * What is left to prepare for SEARCH. The reader is asked only when a message came or went since nothing was left:
 * a house at rest lets the reader sleep.
 */
import type { PackedChange, Read } from '../calls.ts';

export class Unprepared {
  readonly #read: Read;
  #stale = true;

  constructor(read: Read) {
    this.#read = read;
  }

  hear(changes: readonly PackedChange[]): void {
    if (changes.some(({ kind }) => kind !== 'flags')) this.#stale = true;
  }

  async next(limit: number): Promise<readonly number[]> {
    if (!this.#stale) return [];
    // What comes while the reader looks is looked for the next time.
    this.#stale = false;
    try {
      const { contents, more } = await this.#read('unpreparedSearch', { limit });
      this.#stale ||= more;
      return contents;
    } catch (error) {
      this.#stale = true;
      throw error;
    }
  }
}
