/** Schemes with a single hash round: `{SHA256}`, salted `{SSHA256}` (digest, then salt), `{PLAIN}`. Base64 or hex. */
import { createHash, hash, timingSafeEqual } from 'node:crypto';
import { equalOctets } from '../../../lookup/equal-octets.ts';

/** Compares digests, so that the length stays secret too. */
export function verifyPlain(password: Buffer, stored: string): boolean {
  return timingSafeEqual(hash('sha256', password, 'buffer'), hash('sha256', stored, 'buffer'));
}

/** `length`: octets of the digest; the salt follows them. */
export function verifyDigest(
  algorithm: string,
  length: number,
  salted: boolean,
  encoding: 'base64' | 'hex',
  password: Buffer,
  stored: string,
): boolean {
  const octets = Buffer.from(stored, encoding);
  if (octets.length < length || (!salted && octets.length > length)) return false;
  const digest = createHash(algorithm).update(password).update(octets.subarray(length)).digest();
  return equalOctets(digest, octets.subarray(0, length));
}
