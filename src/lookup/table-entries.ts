/**
 * The entries of a text table in memory. As with postmap, a line that is no entry is left out with a
 * warning, and of two lines with one key the first stays. Limits keep a wrong file from filling the memory.
 */
import type { Steps } from './steps.ts';
import { TableFault } from './table-fault.ts';

export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
  /** What is wrong with the line, where something is: it is left out. */
  readonly problem?: string;
}

interface Problem {
  readonly line: number;
  readonly message: string;
}

/** A file of addresses that an alias names by `:include:`. */
export interface IncludedFile {
  readonly path: string;
  readonly line: number;
}

export interface TableContent {
  /** By key in lower case. */
  readonly entries: ReadonlyMap<string, string>;
  /** Lines that were left out, and why; the first hundred. */
  readonly problems: readonly Problem[];
  /** Of an alias file. */
  readonly included?: readonly IncludedFile[];
}

const MAX_TABLE_ENTRIES = 1_000_000;
const MAX_PROBLEMS_KEPT = 100;

/** Entries of one step. */
const STEP = 2000;

/** Gathers entries, in steps. Throws TableFault where there are too many. */
export function* entryMap(entries: Iterable<Entry>, file: string): Steps<TableContent> {
  const map = new Map<string, string>();
  const problems: Problem[] = [];
  let count = 0;
  for (const { key, value, line, problem } of entries) {
    const lower = key.toLowerCase();
    const message =
      problem ?? (map.has(lower) ? `"${key.slice(0, 80)}" is there already: this line is left out` : undefined);
    if (message === undefined) map.set(lower, value);
    else if (problems.length < MAX_PROBLEMS_KEPT) problems.push({ line, message });
    count += 1;
    if (count % STEP === 0) yield;
    if (map.size > MAX_TABLE_ENTRIES) throw new TableFault(file, line, `more than ${MAX_TABLE_ENTRIES} entries`);
  }
  return { entries: map, problems };
}
