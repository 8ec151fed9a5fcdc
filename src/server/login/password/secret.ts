/** What a stored hash gives a mechanism that never sees the password. */
import { hmacMd5States } from '../../../protocol/sasl/hmac-md5.ts';
import type { SecretScheme } from '../../../protocol/sasl/mechanism.ts';
import { clearTextOf, hashOf } from '../password.ts';
import { hashScram } from './scram.ts';

/** What an unknown login is given. */
export interface Decoy {
  readonly salt: Buffer;
  readonly stored: string;
}

type Derive = (password: Buffer, salt: Buffer) => string | Promise<string>;

const DERIVED: Readonly<Record<SecretScheme, Derive>> = {
  'SCRAM-SHA-1': (password, salt) => hashScram('sha1', password, undefined, salt),
  'SCRAM-SHA-256': (password, salt) => hashScram('sha256', password, undefined, salt),
  'CRAM-MD5': (password) => hmacMd5States(password),
};

/**
 * The hash itself if it is of that scheme, or derived from a password in clear text; null for any other. Each takes as
 * long, and the salt of a derived one is the decoy's, which stays the same.
 */
export async function secretFrom(stored: string, scheme: SecretScheme, decoy: Decoy): Promise<string | null> {
  const clear = clearTextOf(stored);
  const derived = await DERIVED[scheme](Buffer.from(clear ?? ''), decoy.salt);
  return clear === null || clear === '' ? hashOf(stored, scheme) : derived;
}
