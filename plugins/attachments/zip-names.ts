/**
 * The names in a ZIP archive, from its central directory alone (APPNOTE 4.3.12, 4.3.16): nothing is unpacked, so that no
 * archive can be larger than it looks.
 */

const END = 0x06054b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const ENTRY = 0x02014b50;
const ENTRY_SIZE = 46;
const LARGEST_DIRECTORY = 1024 * 1024;
/** An archive of 64 bits, which the end does not describe. */
const ELSEWHERE = 0xffffffff;

/** Octets of an archive's end that are enough for `zipNames`. */
export const ZIP_TAIL = LARGEST_DIRECTORY + END_SIZE + LONGEST_COMMENT;

/** `tail`: the last ZIP_TAIL octets, or all. Null where there is no directory that can be read. Octets as latin1. */
export function zipNames(tail: Buffer): readonly string[] | null {
  const end = findEnd(tail);
  if (end === null) return null;
  const count = tail.readUInt16LE(end + 10);
  const size = tail.readUInt32LE(end + 12);
  // Counted from the end: something may stand before the archive.
  let at = end - size;
  if (size === ELSEWHERE || at < 0) return null;
  const names: string[] = [];
  while (at + ENTRY_SIZE <= end && tail.readUInt32LE(at) === ENTRY) {
    const nameEnd = at + ENTRY_SIZE + tail.readUInt16LE(at + 28);
    if (nameEnd > end) return null;
    names.push(tail.toString('latin1', at + ENTRY_SIZE, nameEnd));
    at = nameEnd + tail.readUInt16LE(at + 30) + tail.readUInt16LE(at + 32);
  }
  return names.length === count && at === end ? names : null;
}

/** The last record whose comment reaches to the end of the archive. */
function findEnd(tail: Buffer): number | null {
  const first = Math.max(0, tail.length - END_SIZE - LONGEST_COMMENT);
  for (let at = tail.length - END_SIZE; at >= first; at -= 1)
    if (tail.readUInt32LE(at) === END && at + END_SIZE + tail.readUInt16LE(at + 20) === tail.length) return at;
  return null;
}
