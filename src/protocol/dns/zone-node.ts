/** A name of a zone with its records. */
import type { RRset } from './message.ts';
import type { DomainName } from './name.ts';

export interface ZoneNode {
  readonly name: DomainName;
  /** By type; empty for an empty non-terminal. */
  readonly sets: ReadonlyMap<number, RRset>;
}
