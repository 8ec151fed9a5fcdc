/** {SCRAM-SHA-1} and {SCRAM-SHA-256}: keys stored for SCRAM exchanges, which can verify a plain password too. */
import { randomBytes } from 'node:crypto';
import { equalOctets } from '../../../lookup/equal-octets.ts';
import {
  deriveKeys,
  formatKeys,
  parseKeys,
  preparePassword,
  type ScramHash,
} from '../../../protocol/sasl/scram-keys.ts';

/** Of new keys: RFC 7677 section 4 asks for 15,000 at the least; the client has to compute as many. */
export const SCRAM_ITERATIONS = 15_000;
/** Octets of a new salt. */
export const SCRAM_SALT = 16;

const MOST_ITERATIONS = 9_999_999;

/** `iterations`: undefined for the usual number. */
export async function hashScram(
  hash: ScramHash,
  password: Buffer,
  iterations: number = SCRAM_ITERATIONS,
  salt: Buffer = randomBytes(SCRAM_SALT),
): Promise<string> {
  const rounds = Math.min(Math.max(Math.trunc(iterations), 4096), MOST_ITERATIONS);
  return formatKeys(await deriveKeys(hash, preparePassword(password), { salt, iterations: rounds }));
}

export async function verifyScram(hash: ScramHash, password: Buffer, stored: string): Promise<boolean> {
  const keys = parseKeys(hash, stored);
  if (keys === null) return false;
  const matches = async (octets: Buffer): Promise<boolean> =>
    equalOctets((await deriveKeys(hash, octets, keys)).storedKey, keys.storedKey);
  // Dovecot hashes what was typed, clients hash what SASLprep makes of it.
  const prepared = preparePassword(password);
  return (await matches(password)) || (!prepared.equals(password) && (await matches(prepared)));
}
