/**
 * Password hashes: WildDuck's (lib/hashes.js) have no scheme in front, and its PBKDF2 is in the PHC form with base64
 * without padding (npm @phc/pbkdf2); ours are `{SCHEME}hash`, as in Dovecot.
 */

/** Which scheme a hash has, by how it begins. */
const SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^\$pbkdf2-sha(?:1|256|512)\$/, 'PBKDF2'],
  [/^\$2[aby]\$/, 'BLF-CRYPT'],
  [/^\$5\$/, 'SHA256-CRYPT'],
  [/^\$6\$/, 'SHA512-CRYPT'],
  [/^\$argon2id\$/, 'ARGON2ID'],
  [/^\$argon2[di]\$/, 'ARGON2I'],
];

/** '' where we cannot verify such a hash: MD5-crypt, DES. */
export function fromWildDuck(hash: string): string {
  const scheme = SCHEMES.find(([start]) => start.test(hash))?.[1];
  return scheme === undefined ? '' : `{${scheme}}${hash}`;
}

/** '' where WildDuck cannot verify such a hash: salted digests, SCRAM. A password in clear text is none. */
export function toWildDuck(stored: string): string {
  const hash = stored.replace(/^\{[^}]*\}/, '');
  if (SCHEMES.some(([start]) => start.test(hash))) return hash;
  const [, salt, rounds, digest] = /^\$1\$([^$]+)\$(\d+)\$([0-9a-f]{40})$/.exec(hash) ?? [];
  if (!/^\{PBKDF2\}/i.test(stored) || salt === undefined || digest === undefined) return '';
  return `$pbkdf2-sha1$i=${rounds}$${unpadded(Buffer.from(salt))}$${unpadded(Buffer.from(digest, 'hex'))}`;
}

const unpadded = (octets: Buffer): string => octets.toString('base64').replace(/=+$/, '');
