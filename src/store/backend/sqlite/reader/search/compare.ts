/** Compares a key with prepared texts where they are, in the search file. */
import { NO, type TextKey, YES } from '../../../../mailboxes.ts';
import { hasField, soughtText } from '../../../text-key.ts';
import type { Database } from '../../database.ts';

/** A verdict, or the header in which the field is to be looked for. */
const VERDICTS: Readonly<Record<TextKey['where'], string>> = {
  body: 'SELECT content, CASE WHEN instr(text, ?1) THEN 1 ELSE 0 END FROM body',
  anywhere: `SELECT content, CASE WHEN head IS NULL THEN 2 WHEN instr(head, ?1) OR instr(text, ?1) OR instr(headers, ?1)
    THEN 1 ELSE 0 END FROM header JOIN body USING (content)`,
  field: 'SELECT content, CASE WHEN head IS NULL THEN 2 WHEN instr(head, ?1) THEN head ELSE 0 END FROM header',
  // What an earlier version stored has no addresses: they are made of other fields then.
  fields: `SELECT content, CASE WHEN instr(fields, ?1) OR NOT instr(fields, '"addresses":') THEN 2 ELSE 0 END
    FROM header`,
};

/**
 * Contents that lie this close together are read in one go, those of other mailboxes among them too: that takes so many
 * times less for each than to look it up.
 */
export const CLOSE: Readonly<Record<TextKey['where'], number>> = { body: 2, anywhere: 2, field: 4, fields: 4 };

type Verdict = readonly [content: number, verdict: number | string];

/**
 * Compares those of `contents` (ascending) whose indexes are in `left`, and calls back with index and verdict of each
 * that is prepared. Returns how many of `left` are done when `isLate` says so: at least one.
 */
export function compareTexts(
  search: Database,
  contents: Float64Array,
  left: readonly number[],
  key: TextKey,
  decide: (index: number, verdict: number) => void,
  isLate: () => boolean,
): number {
  const text = soughtText(key);
  const contentOf = (nth: number): number => contents[left[nth] ?? contents.length] ?? Number.POSITIVE_INFINITY;
  const tell = (nth: number, verdict: number | string): void => {
    const index = left[nth] ?? 0;
    if (typeof verdict === 'number') decide(index, verdict);
    else if (key.where === 'field') decide(index, hasField(verdict, key.field, key.text) ? YES : NO);
  };
  const [first, last] = [contentOf(0), contentOf(left.length - 1)];
  if (last - first < left.length * CLOSE[key.where]) {
    let nth = 0;
    let stopped = false;
    search.each<Verdict>(
      ([content, verdict]) => {
        while (contentOf(nth) < content) nth += 1;
        for (; contentOf(nth) === content; nth += 1) tell(nth, verdict);
        stopped = isLate();
        return !stopped;
      },
      `${VERDICTS[key.where]} WHERE content BETWEEN ?2 AND ?3 ORDER BY content`,
      text,
      first,
      last,
    );
    return stopped ? nth : left.length;
  }
  for (let nth = 0; nth < left.length; nth += 1) {
    if (nth > 0 && isLate()) return nth;
    const found = search.tuple<Verdict>(`${VERDICTS[key.where]} WHERE content = ?2`, text, contentOf(nth));
    if (found !== undefined) tell(nth, found[1]);
  }
  return left.length;
}
