import { MOST_OCTETS } from './evidence.ts';

/** As much of a message as is judged. */
export async function beginningOf(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const kept: Buffer[] = [];
  let size = 0;
  for await (const piece of pieces) {
    kept.push(piece.subarray(0, MOST_OCTETS - size));
    size += piece.length;
    if (size >= MOST_OCTETS) break;
  }
  return Buffer.concat(kept);
}
