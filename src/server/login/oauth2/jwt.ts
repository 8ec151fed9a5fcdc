/**
 * Access tokens that are JWTs (RFC 7519), checked by their signature (RFC 7515, RFC 7518) without asking anybody, as
 * Dovecot's `introspection_mode = local`. The key is the file AZP/ALG/KID of a folder: a PEM public key, for HS… the
 * secret in base64.
 *
 * The algorithm is in the key's name and must fit its kind, so that no token can choose a weaker one.
 */
import { constants, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../errors.ts';
import { ownValue } from '../../../own-value.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** `refused`: with the reason for the log. `unavailable`: a key cannot be read. */
export type Checked =
  | { readonly kind: 'fields'; readonly fields: Fields }
  | { readonly kind: 'refused' | 'unavailable'; readonly why: string };

/** Whether the signature of the text is right. Throws if the key is not one of the algorithm's kind. */
type Verify = (key: string, text: Buffer, signature: Buffer) => boolean;

const publicKey = (pem: string, kind: string): KeyObject => {
  const key = createPublicKey(pem);
  if (key.asymmetricKeyType !== kind) throw new Error(`the key is one of ${key.asymmetricKeyType}, not of ${kind}`);
  return key;
};

const hmac =
  (hash: string): Verify =>
  (key, text, signature) => {
    const secret = key.trim();
    if (!/^[\w+/-]+={0,2}$/.test(secret)) throw new Error('expected a secret in base64');
    const expected = createHmac(hash, Buffer.from(secret, 'base64')).update(text).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  };
const rsa =
  (hash: string, padding: number): Verify =>
  (pem, text, signature) =>
    verify(
      hash,
      text,
      { key: publicKey(pem, 'rsa'), padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
      signature,
    );
const ecdsa =
  (hash: string, curve: string): Verify =>
  (pem, text, signature) => {
    const key = publicKey(pem, 'ec');
    if (key.asymmetricKeyDetails?.namedCurve !== curve) throw new Error(`the key is not on the curve ${curve}`);
    return verify(hash, text, { key, dsaEncoding: 'ieee-p1363' }, signature);
  };

const ALGORITHMS: Readonly<Record<string, Verify>> = {
  HS256: hmac('sha256'),
  HS384: hmac('sha384'),
  HS512: hmac('sha512'),
  RS256: rsa('sha256', constants.RSA_PKCS1_PADDING),
  RS384: rsa('sha384', constants.RSA_PKCS1_PADDING),
  RS512: rsa('sha512', constants.RSA_PKCS1_PADDING),
  PS256: rsa('sha256', constants.RSA_PKCS1_PSS_PADDING),
  PS384: rsa('sha384', constants.RSA_PKCS1_PSS_PADDING),
  PS512: rsa('sha512', constants.RSA_PKCS1_PSS_PADDING),
  ES256: ecdsa('sha256', 'prime256v1'),
  ES384: ecdsa('sha384', 'secp384r1'),
  ES512: ecdsa('sha512', 'secp521r1'),
  EdDSA: (pem, text, signature) => verify(null, text, publicKey(pem, 'ed25519'), signature),
};

/** A part of a key's path: what a token says must not lead out of the folder. */
const PART = /^(?!\.{1,2}$)[\w.@=+-]{1,100}$/;

const refused = (why: string): Checked => ({ kind: 'refused', why });

/** `now`: ms since 1970. Never rejects. */
export async function checkJwt(
  token: string,
  { keyFolder, now }: { keyFolder: string; now: number },
): Promise<Checked> {
  const [head = '', body = '', signed = '', ...more] = token.split('.');
  const header = decoded(head);
  const fields = decoded(body);
  if (header === null || fields === null || more.length > 0) return refused('it is not a JWT');
  const { alg, kid = 'default', crit } = header;
  const check = typeof alg === 'string' ? ownValue(ALGORITHMS, alg) : undefined;
  if (check === undefined) return refused(`unsupported algorithm ${JSON.stringify(alg ?? null).slice(0, 40)}`);
  if (crit !== undefined) return refused('it has extensions that must be understood');
  const { azp = 'default' } = fields;
  const path = [azp, alg, kid];
  if (!path.every((part): part is string => typeof part === 'string' && PART.test(part)))
    return refused('its azp or kid cannot be the name of a key');
  let key: string;
  try {
    key = await readFile(join(keyFolder, ...path), 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { kind: isMissing ? 'refused' : 'unavailable', why: `no key ${path.join('/')}: ${messageOf(error)}` };
  }
  try {
    if (!check(key, Buffer.from(`${head}.${body}`), Buffer.from(signed, 'base64url')))
      return refused('signature is wrong');
  } catch (error) {
    return { kind: 'unavailable', why: `key ${path.join('/')}: ${messageOf(error)}` };
  }
  return inTime(fields, now / 1000) ?? { kind: 'fields', fields };
}

/** RFC 7519 sections 4.1.4 to 4.1.6. A token that never expires is none: it could not be taken back. */
function inTime({ exp, nbf, iat, sub }: Fields, seconds: number): Checked | null {
  if (typeof exp !== 'number') return refused("missing 'exp' field");
  if (seconds >= exp) return refused('token has expired');
  for (const [name, from] of Object.entries({ nbf, iat })) {
    if (from === undefined) continue;
    if (typeof from !== 'number') return refused(`malformed '${name}' field`);
    if (from > seconds) return refused(`token is not valid yet ('${name}')`);
  }
  return typeof sub === 'string' ? null : refused("missing 'sub' field");
}

/** A JSON object in base64url; null if it is not. */
function decoded(part: string): Fields | null {
  if (!/^[\w-]+$/.test(part)) return null;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
  } catch {
    return null;
  }
}
