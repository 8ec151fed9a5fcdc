/**
 * The entries of a text table in memory. As in postmap, an invalid line is ignored with a
 * warning, and of two lines with the same key the first one counts. Limits keep a wrong file from filling the memory.
 */
import type { Steps } from './steps.ts';
import { TableFault } from './table-fault.ts';

export interface Entry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
  /** Set if the line is wrong and is therefore ignored. */
  readonly problem?: string;
}

interface Problem {
  readonly line: number;
  readonly message: string;
}

/** A file of addresses that an alias includes with `:include:`. */
export interface IncludedFile {
  readonly path: string;
  readonly line: number;
}

export interface TableContent {
  /** By key in lower case. */
  readonly entries: ReadonlyMap<string, string>;
  /** The ignored lines, and why; at most a hundred. */
  readonly problems: readonly Problem[];
  /** For alias files only. */
  readonly included?: readonly IncludedFile[];
}

const MAX_TABLE_ENTRIES = 1_000_000;
const MAX_PROBLEMS_KEPT = 100;

/** The line of the entry that counts for a key. Reads on until it is found. */
export function lineOf(entries: Iterable<Entry>, key: string): number | undefined {
  const lower = key.toLowerCase();
  for (const entry of entries) if (entry.problem === undefined && entry.key.toLowerCase() === lower) return entry.line;
  return undefined;
}

/** Whether a text was read from octets that are not UTF-8. */
export const isNotUtf8 = (text: string): boolean => text.includes('\ufffd');

/** Entries per step. */
const STEP = 2000;

/** Collects entries, in steps. Throws TableFault if there are too many. */
export function* entryMap(entries: Iterable<Entry>, file: string): Steps<TableContent> {
  const map = new Map<string, string>();
  const problems: Problem[] = [];
  let count = 0;
  for (const { key, value, line, problem } of entries) {
    const lower = key.toLowerCase();
    const message =
      problem ??
      (isNotUtf8(key) || isNotUtf8(value)
        ? `"${key.slice(0, 80)}" is not all UTF-8: this line is ignored`
        : map.has(lower)
          ? `"${key.slice(0, 80)}" is already defined: this line is ignored`
          : undefined);
    if (message === undefined) map.set(lower, value);
    else if (problems.length < MAX_PROBLEMS_KEPT) problems.push({ line, message });
    count += 1;
    if (count % STEP === 0) yield;
    if (map.size > MAX_TABLE_ENTRIES) throw new TableFault(file, line, `more than ${MAX_TABLE_ENTRIES} entries`);
  }
  return { entries: map, problems };
}
