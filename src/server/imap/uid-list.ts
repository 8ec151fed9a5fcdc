/**
 * The messages of a selected mailbox as its client knows them: UIDs in ascending order, where the sequence number is
 * the index + 1. Four octets per message, plus some slack for growth.
 */
import { lowerBound } from '../../lower-bound.ts';
import type { Ranges } from '../../protocol/imap/sequence-set.ts';

export class UidList {
  #uids: Uint32Array;
  #length: number;

  /** The array is shared and never written to. */
  constructor(uids: Uint32Array) {
    this.#uids = uids;
    this.#length = uids.length;
  }

  get length(): number {
    return this.#length;
  }

  /** The largest UID, or 0. */
  get last(): number {
    return this.at(this.#length - 1);
  }

  /** The UID at an index, or 0 outside. */
  at(index: number): number {
    return index < this.#length ? (this.#uids[index] ?? 0) : 0;
  }

  /** How many UIDs are smaller. */
  lowerBound(uid: number): number {
    return lowerBound(this.#uids, this.#length, uid);
  }

  /** The index of a UID or -1. `hint`: an index to look at first. */
  indexOf(uid: number, hint = 0): number {
    if (this.at(hint) === uid && uid !== 0) return hint;
    const index = this.lowerBound(uid);
    return this.at(index) === uid && uid !== 0 ? index : -1;
  }

  /** A UID greater than the last. */
  push(uid: number): void {
    if (this.#length === this.#uids.length) {
      const grown = new Uint32Array(this.#length + Math.max(16, this.#length >> 3));
      grown.set(this.#uids);
      this.#uids = grown;
    }
    this.#uids[this.#length] = uid;
    this.#length += 1;
  }

  /** Removes UIDs in one pass; returns the sequence numbers for EXPUNGE, each adjusted for the ones before it. */
  remove(gone: ReadonlySet<number>): number[] {
    const kept = new Uint32Array(this.#length);
    const told: number[] = [];
    let length = 0;
    for (let index = 0; index < this.#length; index += 1) {
      const uid = this.#uids[index] ?? 0;
      if (gone.has(uid)) told.push(length + 1);
      else {
        kept[length] = uid;
        length += 1;
      }
    }
    this.#uids = kept;
    this.#length = length;
    return told;
  }

  /** UID ranges of sequence number ranges (within 1…length). */
  uidRanges(numbers: Ranges): Ranges {
    return numbers.map(([from, to]) => [this.at(from - 1), this.at(to - 1)]);
  }

  /** How many messages have a UID in these ranges. */
  count(ranges: Ranges): number {
    let sum = 0;
    for (const [from, to] of ranges) sum += this.lowerBound(to + 1) - this.lowerBound(from);
    return sum;
  }

  *within(ranges: Ranges): IterableIterator<number> {
    for (const [from, to] of ranges) {
      for (let index = this.lowerBound(from); index < this.#length; index += 1) {
        const uid = this.at(index);
        if (uid > to) break;
        yield uid;
      }
    }
  }
}
