/** One hash for both sides, and a fast one: logins measure the servers, not the hash. */
import { createHash } from 'node:crypto';
import { PASSWORD } from './corpus.ts';

const SALT = Buffer.from('benchpeers');

/** `{SSHA256}…`, which both sides support. */
export function passwordHash(): string {
  const digest = createHash('sha256').update(PASSWORD).update(SALT).digest();
  return `{SSHA256}${Buffer.concat([digest, SALT]).toString('base64')}`;
}
