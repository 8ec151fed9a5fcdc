/**
 * Passwords as stored in the directory: `{SCHEME}hash`, as in Dovecot; a bare `$6$…` is the form of /etc/shadow. New
 * hashes are Argon2id. Each scheme is a row of the table; existing hashes are verified as they are.
 *
 * Guarantees: secrets are compared in constant time; slow schemes run in the thread pool or in slices; a malformed or
 * unknown hash matches nothing.
 */

import { ownValue } from '../../own-value.ts';
import { hashArgon2, verifyArgon2 } from './password/argon2.ts';
import { verifyCramMd5 } from './password/cram-md5.ts';
import { verifyDigest, verifyPlain } from './password/digest.ts';
import { hasForm } from './password/form.ts';
import { verifyPbkdf2 } from './password/pbkdf2.ts';
import { verifyScram } from './password/scram.ts';
import { verifyShaCrypt } from './password/sha-crypt.ts';

type Verify = (password: Buffer, stored: string, encoding: 'base64' | 'hex') => boolean | Promise<boolean>;

const plain: Verify = verifyPlain;
const digest =
  (algorithm: string, length: number, salted: boolean): Verify =>
  (password, stored, encoding) =>
    verifyDigest(algorithm, length, salted, encoding, password, stored);
/** crypt(3): the hash names its own method. */
const crypt: Verify = async (password, stored) =>
  /^\$2[aby]\$/.test(stored)
    ? (await import('./password/bcrypt.ts')).verifyBcrypt(password, stored)
    : verifyShaCrypt(password, stored);

const SCHEMES: Readonly<Record<string, Verify>> = {
  ARGON2ID: verifyArgon2,
  ARGON2I: verifyArgon2,
  PLAIN: plain,
  CLEAR: plain,
  CLEARTEXT: plain,
  SHA: digest('sha1', 20, false),
  SHA1: digest('sha1', 20, false),
  SHA256: digest('sha256', 32, false),
  SHA512: digest('sha512', 64, false),
  SSHA: digest('sha1', 20, true),
  SSHA256: digest('sha256', 32, true),
  SSHA512: digest('sha512', 64, true),
  'LDAP-MD5': digest('md5', 16, false),
  'PLAIN-MD5': (password, stored) => verifyDigest('md5', 16, false, 'hex', password, stored),
  SMD5: digest('md5', 16, true),
  PBKDF2: verifyPbkdf2,
  'SCRAM-SHA-1': (password, stored) => verifyScram('sha1', password, stored),
  'SCRAM-SHA-256': (password, stored) => verifyScram('sha256', password, stored),
  'CRAM-MD5': verifyCramMd5,
  'SHA256-CRYPT': crypt,
  'SHA512-CRYPT': crypt,
  'BLF-CRYPT': crypt,
  CRYPT: crypt,
};

/** For messages. */
export const SCHEME_NAMES: readonly string[] = Object.keys(SCHEMES);

/** The scheme that `hashPassword` uses. */
export const DEFAULT_SCHEME = 'ARGON2ID';

/** `{ARGON2ID}$argon2id$v=19$…`: a new hash with a new salt. */
export async function hashPassword(password: string): Promise<string> {
  return `{${DEFAULT_SCHEME}}${await hashArgon2(password)}`;
}

/** The scheme's name in capitals; '' if such a hash cannot be verified. */
export function schemeOf(stored: string): string {
  return parse(stored)?.scheme ?? '';
}

/** The password itself if it is stored in clear text (`{PLAIN}maomao`); otherwise null. */
export function clearTextOf(stored: string): string | null {
  const parsed = parse(stored);
  return parsed?.verify === plain ? parsed.hash : null;
}

/** What follows `{SCHEME}`, if the hash is of that scheme and complete; otherwise null. */
export function hashOf(stored: string, scheme: string): string | null {
  const parsed = parse(stored);
  return parsed?.scheme === scheme && isWellFormed(stored) ? parsed.hash : null;
}

/** Whether a hash is complete, so that some password may match it. */
export function isWellFormed(stored: string): boolean {
  const parsed = parse(stored);
  return (
    parsed !== null &&
    (parsed.verify === plain ? parsed.hash !== '' : hasForm(parsed.scheme, parsed.hash, parsed.encoding))
  );
}

/** `password`: octets in any encoding. Rejects if the hash cannot be computed (out of memory). */
export async function verifyPassword(password: Buffer, stored: string): Promise<boolean> {
  const parsed = parse(stored);
  return parsed !== null && parsed.hash !== '' && (await parsed.verify(password, parsed.hash, parsed.encoding));
}

function parse(stored: string): { scheme: string; encoding: 'base64' | 'hex'; hash: string; verify: Verify } | null {
  const [, named = '', encoding = '', hash = ''] =
    /^\{([A-Za-z0-9-]+)(?:\.(b64|base64|hex))?\}(.*)$/is.exec(stored) ?? [];
  const scheme = named === '' && /^\$(?:[56]|2[aby])\$/.test(stored) ? 'CRYPT' : named.toUpperCase();
  const verify = ownValue(SCHEMES, scheme);
  if (verify === undefined) return null;
  return {
    scheme,
    verify,
    hash: named === '' ? stored : hash,
    encoding: encoding.toLowerCase() === 'hex' ? 'hex' : 'base64',
  };
}
