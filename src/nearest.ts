/**
 * The nearest known name to a misspelt one, for "did you mean …?".
 *
 * The distance is Damerau-Levenshtein (optimal string alignment): a letter added, deleted or changed, or two
 * adjacent letters swapped, count one each. Long names and names of very different length are skipped.
 */

const LONGEST_NAME = 100;

/** The known name nearest to `name` within `bound` edits, or undefined. On a tie the first one. */
export function nearest(name: string, known: Iterable<string>, bound = 2): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  let best: string | undefined;
  let limit = bound;
  for (const candidate of known) {
    if (candidate === name) return candidate;
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(name, candidate, limit);
    if (distance < limit || (distance === limit && best === undefined)) {
      best = candidate;
      limit = distance;
    }
  }
  return best;
}

/** The number of edits between two names, or `limit + 1` if there are more than `limit`. @internal */
export function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    let lowest = i;
    for (let j = 1; j <= b.length; j += 1) {
      const same = a.charAt(i - 1) === b.charAt(j - 1);
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a.charAt(i - 1) === b.charAt(j - 2) && a.charAt(i - 2) === b.charAt(j - 1);
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
      lowest = Math.min(lowest, cost);
    }
    if (lowest > limit + 1) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return Math.min(last[b.length] ?? limit + 1, limit + 1);
}
