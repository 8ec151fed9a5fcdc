/**
 * Contents still to prepare for SEARCH. Once nothing is left, the reader is called again only after a message was
 * added or removed, so that an idle server lets the reader stop.
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
    // Set before the call: changes made while the reader looks are found the next time.
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
