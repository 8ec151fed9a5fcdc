/** UIDs and flags of rows, for their comparison. */
import type { UidRanges } from '../store/mailboxes.ts';

export const LAST_UID = 0xffff_ffff;
export const EVERY_UID: UidRanges = [[1, LAST_UID]];

/** `uids` are ascending. */
export function uidRanges(uids: readonly number[]): UidRanges {
  const ranges: [number, number][] = [];
  for (const uid of uids) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] + 1 === uid) last[1] = uid;
    else ranges.push([uid, uid]);
  }
  return ranges;
}

/** Backends list them in different orders. */
export const sameFlags = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((flag) => others.includes(flag));
