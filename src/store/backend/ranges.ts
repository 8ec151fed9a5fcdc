/** UID ranges for SQL, and the compact form in which expunged UIDs are stored. */
import type { UidRanges } from '../mailboxes.ts';

const MAX_UID = 0xffff_ffff;

/** Clamps to the range of UIDs: callers may pass `Infinity` for `*`. */
export function clampRanges(uids: UidRanges): [number, number][] {
  return uids
    .map(([first, last]): [number, number] => [Math.max(1, first), Math.min(MAX_UID, last)])
    .filter(([first, last]) => first <= last);
}

/** Ascending UIDs as `1:3,7`. */
export function formatUids(uids: readonly number[]): string {
  const parts: string[] = [];
  let first = uids[0] ?? 0;
  for (const [i, uid] of uids.entries()) {
    if (uids[i + 1] === uid + 1) continue;
    parts.push(first === uid ? `${uid}` : `${first}:${uid}`);
    first = uids[i + 1] ?? 0;
  }
  return parts.join(',');
}

export function parseUids(text: string): number[] {
  const uids: number[] = [];
  if (text === '') return uids;
  for (const part of text.split(',')) {
    const [first = 0, last = first] = part.split(':').map(Number);
    for (let uid = first; uid <= last; uid += 1) uids.push(uid);
  }
  return uids;
}
