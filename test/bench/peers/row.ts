/** A row of the comparison: the load, which is the same for both sides, and what is measured. */
import type { Generator } from './generator.ts';
import type { Load } from './load/job.ts';
import type { Program, Side } from './side.ts';

/** Rows of one load group follow each other; memory is reported per group. */
export type Storm = 'read' | 'write' | 'deliver' | 'submit' | 'dns';

export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Tools {
  readonly generator: Generator;
  /** A second generator, for concurrent load. */
  readonly second: Generator;
  /** Messages of the reader's INBOX. */
  readonly messages: number;
  readonly seconds: number;
  say(text: string): void;
}

export interface PeerRow {
  readonly name: string;
  readonly about: string;
  readonly storm: Storm;
  readonly programs: readonly Program[];
  /** The mailbox that must be filled first. */
  readonly needs: 'corpus' | 'many' | 'nothing';
  measure(side: Side, tools: Tools): Promise<readonly Sample[]>;
}

/** Units per second. */
export function rate(name: string, unit: string, { units, seconds }: Pick<Load, 'units' | 'seconds'>): Sample {
  return { name, value: units / seconds, unit: `${unit}/s`, better: 'more' };
}
