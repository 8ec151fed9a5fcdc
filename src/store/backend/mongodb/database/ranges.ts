/** UID ranges as filters on `_id`. */
import type { UidRanges } from '../../../mailboxes.ts';
import { clampRanges } from '../../ranges.ts';
import { messageKey } from './documents.ts';

/** Ranges, and UIDs named one by one, per query. */
const TERMS = 2500;
/** A range of so few UIDs is asked for by UID. */
const FEW = 4;

type KeyTerm = { readonly _id: { readonly $gte: string; readonly $lte: string } | { readonly $in: string[] } };
export type KeyFilter = KeyTerm | { readonly $or: KeyTerm[] };

/** One query for each filter, in this order. */
export function* keyFilters(mailbox: string, uids: UidRanges): Iterable<KeyFilter> {
  let terms: KeyTerm[] = [];
  let single: string[] = [];
  const filter = (): KeyFilter => {
    const all: KeyTerm[] = single.length === 0 ? terms : [...terms, { _id: { $in: single } }];
    terms = [];
    single = [];
    const [first] = all;
    return all.length === 1 && first !== undefined ? first : { $or: all };
  };
  for (const [first, last] of clampRanges(uids)) {
    if (last - first < FEW) for (let uid = first; uid <= last; uid += 1) single.push(messageKey(mailbox, uid));
    else terms.push({ _id: { $gte: messageKey(mailbox, first), $lte: messageKey(mailbox, last) } });
    if (terms.length * 10 + single.length >= TERMS) yield filter();
  }
  if (terms.length + single.length > 0) yield filter();
}
