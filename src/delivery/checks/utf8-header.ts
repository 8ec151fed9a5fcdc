/** Whether mail needs SMTPUTF8 (RFC 6531, RFC 6532): for its addresses, or for what its header has. */
import { SevenBitConverter } from '../../protocol/mime/seven-bit.ts';

const ASCII = /^[\x00-\x7f]*$/;

export const hasUtf8Address = (addresses: readonly string[]): boolean => !addresses.every((one) => ASCII.test(one));

/** A header field of the message or of a part has octets beyond US-ASCII. */
export async function hasUtf8Header(octets: AsyncIterable<Buffer>): Promise<boolean> {
  const reader = new SevenBitConverter(Number.POSITIVE_INFINITY);
  for await (const chunk of octets) {
    reader.push(chunk);
    if (reader.headerIsEightBit) return true;
  }
  reader.end();
  return reader.headerIsEightBit;
}
