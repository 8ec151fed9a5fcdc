/** A row of the comparison: what is done to either side, in the same way, and what it tells. */
import type { Generator } from './generator.ts';
import type { Load } from './load/job.ts';
import type { Program, Side } from './side.ts';

/** Rows of one storm follow each other; memory is told for each storm. */
export type Storm = 'read' | 'write' | 'deliver' | 'submit' | 'dns';

export interface Sample {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Tools {
  readonly generator: Generator;
  /** Another one, for what goes on at the same time. */
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
  /** The mailbox that must be filled before. */
  readonly needs: 'corpus' | 'many' | 'nothing';
  measure(side: Side, tools: Tools): Promise<readonly Sample[]>;
}

/** Units a second. */
export function rate(name: string, unit: string, { units, seconds }: Pick<Load, 'units' | 'seconds'>): Sample {
  return { name, value: units / seconds, unit: `${unit}/s`, better: 'more' };
}
