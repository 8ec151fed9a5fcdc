/** Argon2 (RFC 9106) in the PHC form `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`; runs in Node's thread pool. */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

type Algorithm = 'argon2id' | 'argon2i' | 'argon2d';

const derive = promisify(argon2);
const PHC =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

/** OWASP's recommendation: 19 MiB, two passes. About 20 ms, so a burst of logins is affordable. */
const MEMORY = 19_456;
const PASSES = 2;
const TAG_LENGTH = 32;

const unpadded = (octets: Buffer): string => octets.toString('base64').replace(/=+$/, '');

export async function hashArgon2(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const tag = await derive('argon2id', {
    message: Buffer.from(password),
    nonce,
    parallelism: 1,
    tagLength: TAG_LENGTH,
    memory: MEMORY,
    passes: PASSES,
  });
  return `$argon2id$v=19$m=${MEMORY},t=${PASSES},p=1$${unpadded(nonce)}$${unpadded(tag)}`;
}

/** `phc`: without its `{SCHEME}`. False if it is not a PHC string. */
export async function verifyArgon2(password: Buffer, phc: string): Promise<boolean> {
  const [, algorithm, memory, passes, lanes, salt = '', hash = ''] = PHC.exec(phc) ?? [];
  if (!isAlgorithm(algorithm)) return false;
  const expected = Buffer.from(hash, 'base64');
  const parameters = {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(lanes),
    tagLength: expected.length,
  };
  const tag = await derive(algorithm, { message: password, nonce: Buffer.from(salt, 'base64'), ...parameters });
  return timingSafeEqual(tag, expected);
}

const isAlgorithm = (text: string | undefined): text is Algorithm => text !== undefined;
