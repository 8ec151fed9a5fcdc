/**
 * Which contents have a text: the index of trigrams rules out most of those that do not, the texts of the others are
 * compared. The answer is the same whatever is in the index so far.
 */
import { NO, type TextKey, UNKNOWN } from '../../../../mailboxes.ts';
import { isDecidable, soughtText } from '../../../text-key.ts';
import type { Database } from '../../database.ts';
import { CLOSE, compareTexts } from './compare.ts';
import type { SearchReading } from './file.ts';
import { blockOf, candidates, indexedBits, isIndexed, trigramQuery } from './trigrams.ts';

/** How long one call may take, ms: the calls of other sessions wait behind it. */
export const SEARCH_MS = 20;

/** At least so long it compares when it has asked the index: the next call would have to ask it again first. */
const COMPARE_MS = 10;

/** Where fewer of a block's contents than one in so many are asked for, looking at each of them takes less time. */
const SPARSE = 256;

/** In so many of a block's first contents is seen whether the index rules out enough of them to be worth asking. */
const SAMPLE = 512;

/** `contents` are ascending. Answers for the first of them only, at least one, where it takes too long. */
export function searchContents(
  { search: { db } }: SearchReading,
  { contents, key }: { readonly contents: Float64Array; readonly key: TextKey },
): Uint8Array {
  const verdicts = new Uint8Array(contents.length).fill(UNKNOWN);
  if (!isDecidable(key)) return verdicts;
  const end = performance.now() + SEARCH_MS;
  const decide = (index: number, verdict: number): void => {
    verdicts[index] = verdict;
  };
  for (let at = 0; at < contents.length; ) {
    if (at > 0 && performance.now() > end - COMPARE_MS) return verdicts.slice(0, at);
    const block = blockOf(contents[at] ?? 0);
    let next = at + 1;
    while (next < contents.length && blockOf(contents[next] ?? 0) === block) next += 1;
    const isRuledOut = ruleOut(db, key, contents[at] ?? 0, contents[next - 1] ?? 0, next - at);
    const left: number[] = [];
    for (let index = at; index < next; index += 1) {
      if (isRuledOut(contents[index] ?? 0)) verdicts[index] = NO;
      else left.push(index);
    }
    const latest = Math.max(end, performance.now() + COMPARE_MS);
    const compared = compareTexts(db, contents, left, key, decide, () => performance.now() > latest);
    const stop = left[compared];
    if (stop !== undefined) return verdicts.slice(0, stop);
    at = next;
  }
  return verdicts;
}

const never = (): boolean => false;

/**
 * What the index rules out of `count` contents of one block, from `first` to `last`; to be asked in ascending order.
 */
function ruleOut(db: Database, key: TextKey, first: number, last: number, count: number): (content: number) => boolean {
  const query = trigramQuery(soughtText(key));
  if (query === null || count * SPARSE < last - first) return never;
  const sampled = Math.min(last - first + 1, SAMPLE);
  if (candidates(db, key.where, query, first, first + sampled - 1).length * CLOSE[key.where] > sampled) return never;
  const bits = indexedBits(db, blockOf(first));
  const found = candidates(db, key.where, query, first, last);
  let next = 0;
  return (content) => {
    while ((found[next] ?? content) < content) next += 1;
    return found[next] !== content && isIndexed(bits, content);
  };
}
