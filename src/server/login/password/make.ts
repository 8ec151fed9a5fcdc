/** New hashes of the schemes that `doveadm pw` is asked for. What this makes, `verifyPassword` recognizes. */
import { hash, randomBytes } from 'node:crypto';
import { ownValue } from '../../../own-value.ts';
import { hmacMd5States } from '../../../protocol/sasl/hmac-md5.ts';
import { hashArgon2 } from './argon2.ts';
import { hashScram } from './scram.ts';
import { hashShaCrypt } from './sha-crypt.ts';

/** `rounds`: undefined for the scheme's default. */
type Make = (password: Buffer, rounds: number | undefined) => string | Promise<string>;

const plain: Make = (password) => password.toString();
const digest =
  (algorithm: string, encoding: 'base64' | 'hex'): Make =>
  (password) =>
    hash(algorithm, password, encoding);
const salted =
  (algorithm: string): Make =>
  (password) => {
    const salt = randomBytes(8);
    return Buffer.concat([hash(algorithm, Buffer.concat([password, salt]), 'buffer'), salt]).toString('base64');
  };
const bcrypt: Make = async (password, cost) => (await import('./bcrypt.ts')).hashBcrypt(password, cost);

const MAKERS: Readonly<Record<string, Make>> = {
  ARGON2ID: (password) => hashArgon2(password.toString()),
  PLAIN: plain,
  CLEAR: plain,
  CLEARTEXT: plain,
  SHA: digest('sha1', 'base64'),
  SHA1: digest('sha1', 'base64'),
  SHA256: digest('sha256', 'base64'),
  SHA512: digest('sha512', 'base64'),
  SSHA: salted('sha1'),
  SSHA256: salted('sha256'),
  SSHA512: salted('sha512'),
  'LDAP-MD5': digest('md5', 'base64'),
  'PLAIN-MD5': digest('md5', 'hex'),
  SMD5: salted('md5'),
  'SCRAM-SHA-1': (password, rounds) => hashScram('sha1', password, rounds),
  'SCRAM-SHA-256': (password, rounds) => hashScram('sha256', password, rounds),
  'CRAM-MD5': (password) => hmacMd5States(password),
  'SHA256-CRYPT': (password, rounds) => hashShaCrypt('5', password, rounds),
  'SHA512-CRYPT': (password, rounds) => hashShaCrypt('6', password, rounds),
  'BLF-CRYPT': bcrypt,
  CRYPT: bcrypt,
};

export const MAKEABLE: readonly string[] = Object.keys(MAKERS);

/** `{SCHEME}hash`, or undefined for a scheme of which no new hashes are made. */
export async function makeHash(
  scheme: string,
  password: Buffer,
  rounds: number | undefined,
): Promise<string | undefined> {
  const name = scheme.toUpperCase();
  const make = ownValue(MAKERS, name);
  return make === undefined ? undefined : `{${name}}${await make(password, rounds)}`;
}
