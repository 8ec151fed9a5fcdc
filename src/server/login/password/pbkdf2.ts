/**
 * PBKDF2 in Dovecot's form `$1$salt$rounds$hex` (HMAC-SHA1, 20 octets), and SCRAM's stored keys (RFC 5802 section 3).
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { equalOctets } from './digest.ts';

const derive = promisify(pbkdf2);

export async function verifyPbkdf2(password: Buffer, stored: string): Promise<boolean> {
  const [, salt = '', rounds, hex = ''] = /^\$1\$([^$]+)\$(\d{1,7})\$([0-9a-f]{40})$/.exec(stored) ?? [];
  if (rounds === undefined || Number(rounds) === 0) return false;
  return equalOctets(await derive(password, salt, Number(rounds), 20, 'sha1'), Buffer.from(hex, 'hex'));
}

/** `iterations,salt,StoredKey,ServerKey`: stored for SCRAM exchanges, but can verify a plain password too. */
export async function verifyScram(algorithm: 'sha1' | 'sha256', password: Buffer, stored: string): Promise<boolean> {
  const [iterations, salt = '', storedKey = ''] = stored.split(',');
  if (iterations === undefined || !/^[1-9]\d{0,6}$/.test(iterations)) return false;
  const length = algorithm === 'sha1' ? 20 : 32;
  const salted = await derive(password, Buffer.from(salt, 'base64'), Number(iterations), length, algorithm);
  const clientKey = createHmac(algorithm, salted).update('Client Key').digest();
  return equalOctets(createHash(algorithm).update(clientKey).digest(), Buffer.from(storedKey, 'base64'));
}
