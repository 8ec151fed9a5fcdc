/**
 * Whether a hash is complete, by its scheme: a truncated one matches nothing, which nobody would notice until a login
 * fails.
 */
import { ownValue } from '../../../own-value.ts';

const BASE64 = '[A-Za-z0-9+/]+={0,2}';
const ARGON2 = /^\$argon2(?:id|i|d)\$v=19\$m=\d{1,7},t=\d{1,3},p=\d{1,2}\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}$/;
const PBKDF2_PHC = /^\$pbkdf2-sha(?:1|256|512)\$i=[1-9]\d{0,6}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]{27,}$/;
const SCRAM = new RegExp(`^[1-9]\\d{0,6},${BASE64},${BASE64},${BASE64}$`);
const SHA256_CRYPT = /^\$5\$(?:rounds=\d{1,9}\$)?[^$:\n]{0,16}\$[./0-9A-Za-z]{43}$/;
const SHA512_CRYPT = /^\$6\$(?:rounds=\d{1,9}\$)?[^$:\n]{0,16}\$[./0-9A-Za-z]{86}$/;
const BCRYPT = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

/** A format, or the length of a digest that a salt may follow. */
type Form = readonly RegExp[] | { readonly digest: number; readonly salted: boolean };

const FORMS: Readonly<Record<string, Form>> = {
  ARGON2ID: [ARGON2],
  ARGON2I: [ARGON2],
  PBKDF2: [/^\$1\$[^$]+\$[1-9]\d{0,6}\$[0-9a-f]{40}$/, PBKDF2_PHC],
  'SCRAM-SHA-1': [SCRAM],
  'SCRAM-SHA-256': [SCRAM],
  'CRAM-MD5': [/^[0-9a-f]{64}$/i],
  'SHA256-CRYPT': [SHA256_CRYPT],
  'SHA512-CRYPT': [SHA512_CRYPT],
  'BLF-CRYPT': [BCRYPT],
  CRYPT: [SHA256_CRYPT, SHA512_CRYPT, BCRYPT],
  SHA: { digest: 20, salted: false },
  SHA1: { digest: 20, salted: false },
  SHA256: { digest: 32, salted: false },
  SHA512: { digest: 64, salted: false },
  SSHA: { digest: 20, salted: true },
  SSHA256: { digest: 32, salted: true },
  SSHA512: { digest: 64, salted: true },
  'LDAP-MD5': { digest: 16, salted: false },
  'PLAIN-MD5': [/^[0-9a-f]{32}$/i],
  SMD5: { digest: 16, salted: true },
};

/** `hash`: without its `{SCHEME}`. False for a scheme that is not in the table. */
export function hasForm(scheme: string, hash: string, encoding: 'base64' | 'hex'): boolean {
  const form = ownValue(FORMS, scheme);
  if (form === undefined) return false;
  if (!('digest' in form)) return form.some((pattern) => pattern.test(hash));
  if (!(encoding === 'hex' ? /^(?:[0-9a-f]{2})+$/i : new RegExp(`^${BASE64}$`)).test(hash)) return false;
  const octets = Buffer.from(hash, encoding).length;
  return form.salted ? octets > form.digest : octets === form.digest;
}
