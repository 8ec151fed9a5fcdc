/**
 * Sequence sets (RFC 9051 section 9, sequence-set): `1:4,7,9:*`. They are stored as ranges and never
 * expanded, so that `1:4294967295` costs as much as `1`.
 */
import type { Scanner } from './scanner.ts';

/** The value of `*`. @internal */
export const STAR = Number.POSITIVE_INFINITY;

/** As written: bounds in either order, `*` as STAR. */
export type SequenceSet = readonly (readonly [number, number])[];

/** Ascending, non-overlapping, inclusive. */
export type Ranges = (readonly [number, number])[];

function sequenceNumber(scanner: Scanner): number {
  if (scanner.accept('*')) return STAR;
  const value = scanner.number();
  return value === 0 ? scanner.fail('Message numbers start at 1') : value;
}

export function parseSequenceSet(scanner: Scanner): SequenceSet {
  const ranges: [number, number][] = [];
  do {
    const from = sequenceNumber(scanner);
    ranges.push([from, scanner.accept(':') ? sequenceNumber(scanner) : from]);
  } while (scanner.accept(','));
  return ranges;
}

/** Sorts ranges and merges those that overlap or are adjacent. */
export function mergeRanges(ranges: Iterable<readonly [number, number]>): Ranges {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  return merged;
}

/** Resolves `*` to `largest`: ascending ranges within 1…largest; empty if `largest` is 0. */
export function resolveSet(set: SequenceSet, largest: number): Ranges {
  if (largest === 0) return [];
  const inOrder: [number, number][] = [];
  for (const [a, b] of set) {
    const first = a === STAR ? largest : a;
    const second = b === STAR ? largest : b;
    const from = Math.min(first, second);
    const to = Math.min(Math.max(first, second), largest);
    if (from <= to) inOrder.push([from, to]);
  }
  return mergeRanges(inOrder);
}

/** The greatest number given explicitly; `*` does not count. */
export function greatestNamed(set: SequenceSet): number {
  let greatest = 0;
  for (const [a, b] of set) {
    if (a !== STAR && a > greatest) greatest = a;
    if (b !== STAR && b > greatest) greatest = b;
  }
  return greatest;
}

export function inRanges(ranges: Ranges, value: number): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range === undefined) return false;
    if (value < range[0]) high = middle - 1;
    else if (value > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

export function intersectRanges(a: Ranges, b: Ranges): Ranges {
  const both: Ranges = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const left = a[i];
    const right = b[j];
    if (left === undefined || right === undefined) break;
    const from = Math.max(left[0], right[0]);
    const to = Math.min(left[1], right[1]);
    if (from <= to) both.push([from, to]);
    if (left[1] < right[1]) i += 1;
    else j += 1;
  }
  return both;
}

/** `1:3,5` for ascending numbers, as in COPYUID, MODIFIED and VANISHED. */
export function formatSet(numbers: Iterable<number>): string {
  const parts: string[] = [];
  let from = 0;
  let to = 0;
  const flush = (): void => {
    if (to !== 0) parts.push(from === to ? `${from}` : `${from}:${to}`);
  };
  for (const number of numbers) {
    if (number === to + 1 && to !== 0) to = number;
    else {
      flush();
      from = number;
      to = number;
    }
  }
  flush();
  return parts.join(',');
}
