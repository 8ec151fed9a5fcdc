/**
 * PBKDF2 in Dovecot's form `$1$salt$rounds$hex` (HMAC-SHA1, 20 octets) and in the PHC form
 * `$pbkdf2-sha256$i=rounds$salt$hash`, which WildDuck has.
 */
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { equalOctets } from '../../../lookup/equal-octets.ts';

const derive = promisify(pbkdf2);

export const verifyPbkdf2 = (password: Buffer, stored: string): Promise<boolean> =>
  stored.startsWith('$pbkdf2-') ? verifyPhc(password, stored) : verifyDovecot(password, stored);

async function verifyDovecot(password: Buffer, stored: string): Promise<boolean> {
  const [, salt = '', rounds, hex = ''] = /^\$1\$([^$]+)\$(\d{1,7})\$([0-9a-f]{40})$/.exec(stored) ?? [];
  if (rounds === undefined || Number(rounds) === 0) return false;
  return equalOctets(await derive(password, salt, Number(rounds), 20, 'sha1'), Buffer.from(hex, 'hex'));
}

const PHC = /^\$pbkdf2-(sha1|sha256|sha512)\$i=(\d{1,7})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]{2,})$/;

async function verifyPhc(password: Buffer, stored: string): Promise<boolean> {
  const [, digest, rounds, salt = '', hash = ''] = PHC.exec(stored) ?? [];
  if (digest === undefined || Number(rounds) === 0) return false;
  const expected = Buffer.from(hash, 'base64');
  const derived = await derive(password, Buffer.from(salt, 'base64'), Number(rounds), expected.length, digest);
  return equalOctets(derived, expected);
}
