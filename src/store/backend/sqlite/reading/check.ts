/** What a check reads: each of CHECKS, and the contents one after the other. */
import type { ReaderCalls } from '../calls.ts';
import { CHECKS } from '../inspections.ts';
import type { Reading } from './connection.ts';

/** Findings that are listed, of each check. */
const LISTED = 100;
const PAGE = 1000;

export function inspect({ db }: Reading, a: { readonly check: number }): ReaderCalls['inspect']['result'] {
  const check = CHECKS[a.check];
  if (check === undefined) throw new Error(`there is no check ${a.check}`);
  const findings: { place: string; problem: string }[] = [];
  let wrong = 0;
  check.find(db, (place, problem) => {
    wrong += 1;
    if (findings.length < LISTED) findings.push({ place, problem });
  });
  return { checked: check.count(db), wrong, findings };
}

export const contentIds = ({ db }: Reading, { after }: { readonly after: number }): readonly number[] =>
  db
    .tuples<[number]>(`SELECT id FROM content WHERE id > ? AND refs > 0 ORDER BY id LIMIT ${PAGE}`, after)
    .map(([id]) => id);
