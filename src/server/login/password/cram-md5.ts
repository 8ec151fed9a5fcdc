/** {CRAM-MD5}: the two states of HMAC-MD5, stored for CRAM-MD5 exchanges; they verify a plain password too. */
import { equalOctets } from '../../../lookup/equal-octets.ts';
import { hmacMd5States } from '../../../protocol/sasl/hmac-md5.ts';

export const verifyCramMd5 = (password: Buffer, stored: string): boolean =>
  equalOctets(Buffer.from(hmacMd5States(password), 'hex'), Buffer.from(stored, 'hex'));
