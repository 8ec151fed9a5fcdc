/** A name of a zone with its records. */
import type { RRset } from './message.ts';
import type { DomainName } from './name.ts';

export interface ZoneNode {
  readonly name: DomainName;
  /** By type; empty for a name that only has names below it. */
  readonly sets: ReadonlyMap<number, RRset>;
}
