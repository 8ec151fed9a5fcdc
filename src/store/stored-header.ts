/** Reads the header of a stored message. */

import type { Id } from '../mail/account.ts';
import type { ContentStore } from './content.ts';

const BLANK_LINE = Buffer.from('\r\n\r\n');

/**
 * The header's octets including its last line end, without the blank line; of a header longer than `limit` octets,
 * the lines that fit.
 * `size`: that of the message. Rejects with the store's error.
 */
export async function readHeaderOctets(
  content: Pick<ContentStore, 'read'>,
  id: Id,
  size: number,
  limit: number,
): Promise<Buffer> {
  const octets = await content.read(id, 0, Math.min(size, limit));
  const end = octets.indexOf(BLANK_LINE);
  const lastLine = end < 0 ? octets.lastIndexOf('\r\n') : end;
  return lastLine < 0 ? octets : octets.subarray(0, lastLine + 2);
}
