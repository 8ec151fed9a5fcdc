/**
 * What is stored for SCRAM in place of a password (RFC 5802 section 3), in Dovecot's form
 * `iterations,salt,StoredKey,ServerKey`: with it the server can check a proof, but nobody can log in.
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';

export type ScramHash = 'sha1' | 'sha256';

export interface ScramKeys {
  readonly iterations: number;
  readonly salt: Buffer;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Octets of a hash. */
const LENGTHS: Readonly<Record<ScramHash, number>> = { sha1: 20, sha256: 32 };

const derive = promisify(pbkdf2);

export const hmac = (hash: ScramHash, key: Buffer, text: string | Buffer): Buffer =>
  createHmac(hash, key).update(text).digest();

export const digest = (hash: ScramHash, octets: Buffer): Buffer => createHash(hash).update(octets).digest();

/** Runs in the thread pool. */
export async function deriveKeys(
  hash: ScramHash,
  password: Buffer,
  { salt, iterations }: Pick<ScramKeys, 'salt' | 'iterations'>,
): Promise<ScramKeys> {
  const salted = await derive(password, salt, iterations, LENGTHS[hash], hash);
  return {
    iterations,
    salt,
    storedKey: digest(hash, hmac(hash, salted, 'Client Key')),
    serverKey: hmac(hash, salted, 'Server Key'),
  };
}

export const formatKeys = ({ iterations, salt, storedKey, serverKey }: ScramKeys): string =>
  [iterations, ...[salt, storedKey, serverKey].map((octets) => octets.toString('base64'))].join(',');

/** Null if a part is missing or has not its length. */
export function parseKeys(hash: ScramHash, stored: string): ScramKeys | null {
  const [, iterations, salt = '', storedKey = '', serverKey = ''] =
    /^([1-9]\d{0,6}),([\w+/]+={0,2}),([\w+/]+={0,2}),([\w+/]+={0,2})$/.exec(stored) ?? [];
  if (iterations === undefined) return null;
  const keys = [storedKey, serverKey].map((text) => Buffer.from(text, 'base64'));
  const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = keys;
  if (keys.some(({ length }) => length !== LENGTHS[hash])) return null;
  return {
    iterations: Number(iterations),
    salt: Buffer.from(salt, 'base64'),
    storedKey: first,
    serverKey: second,
  };
}

/**
 * A password as clients of SCRAM hash it: SASLprep (RFC 4013) as far as it changes what people type (other spaces,
 * compatible characters). Octets that are not UTF-8 stay as they are.
 */
export function preparePassword(password: Buffer): Buffer {
  const text = password.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(password)) return password;
  return Buffer.from(
    text
      .replace(/[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g, ' ')
      .replace(/\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g, '')
      .normalize('NFKC'),
    'utf8',
  );
}
