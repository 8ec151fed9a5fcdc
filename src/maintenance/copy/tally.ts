/** What a copy has done so far. */
import { messageOf } from '../../errors.ts';

/** Counts that a display reads while they grow. */
export class Tally {
  /** Messages of the source that are there on the other side, or were looked at, of how many. */
  seen = 0;
  of = 0;
  /** Rows written: new ones and changed ones; rows removed. */
  written = 0;
  removed = 0;
  /** Contents that were read back and found equal, and their octets. */
  contents = 0;
  octets = 0;
  /** Of the last pass: what fails is tried again in each. */
  problems = new Problems();
}

/** What could not be copied: how many, and the first of them. */
export class Problems {
  static readonly listed = 100;
  count = 0;
  readonly first: { readonly place: string; readonly problem: string }[] = [];

  add(place: string, error: unknown): void {
    this.count += 1;
    if (this.first.length < Problems.listed) this.first.push({ place, problem: messageOf(error) });
  }
}
