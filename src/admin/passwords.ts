/** Passwords from administrators: generated here, given in clear text, or as an existing hash. */
import { randomInt } from 'node:crypto';
import { MAX_FIELD } from '../protocol/sasl/mechanism.ts';
import { makeHash } from '../server/login/password/make.ts';
import { clearTextOf, DEFAULT_SCHEME, isWellFormed, SCHEME_NAMES, schemeOf } from '../server/login/password.ts';
import { type AdminServices, type Arguments, OperationError, optionalText } from './operation.ts';

// Without letters and digits that look alike: a password that is printed once is typed by hand.
const PASSWORD_ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789';

/** `{SCHEME}…` of an unknown scheme, crypt(3)'s `$1$…`. */
const LOOKS_LIKE_A_HASH = /^(?:\{[A-Z0-9.-]{3,}\}|\$[0-9a-z]{1,8}\$)./;

/** Four groups of four: 80 bits. */
export function newPassword(): string {
  const group = (): string =>
    Array.from({ length: 4 }, () => PASSWORD_ALPHABET.charAt(randomInt(PASSWORD_ALPHABET.length))).join('');
  return [group(), group(), group(), group()].join('-');
}

export interface GivenPassword {
  readonly hash: string;
  /** If it was generated here: to be shown once. */
  readonly generated?: string;
}

/** What a new password may be kept as: the default, and what SASL mechanisms that do not see it need. */
const NEW_SCHEMES: readonly string[] = [DEFAULT_SCHEME, 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5'];

/**
 * From `password`, `passwordHash`, or neither; `scheme` says what a password is kept as. Throws OperationError if nobody
 * could log in with it.
 */
export async function passwordOf(services: AdminServices, given: Arguments): Promise<GivenPassword> {
  const [password, hash] = [optionalText(given, 'password'), optionalText(given, 'passwordHash')];
  const scheme = schemeGiven(given);
  if (hash !== undefined) {
    if (scheme !== undefined) throw new OperationError('--scheme is for passwords; a hash has its own scheme');
    if (password !== undefined) throw new OperationError('both a password and a hash were given; give only one');
    return { hash: await importHash(services, hash) };
  }
  if (password === undefined) {
    const generated = newPassword();
    return { hash: await hashed(services, generated, scheme), generated };
  }
  return { hash: await passwordHash(services, password, scheme) };
}

/**
 * The limits of the mechanisms: no NUL in AUTH PLAIN and LOGIN, no line ends in IMAP LOGIN and POP3 PASS, at most
 * MAX_FIELD octets in any.
 */
function whyNoPassword(password: string): string | null {
  if (password === '') return 'the password is empty';
  if (!password.isWellFormed()) return 'the password is not valid Unicode, so no mail program could send it';
  if (/[\x00-\x1f\x7f]/.test(password))
    return 'the password has control characters (a line end, a tab), which mail programs cannot send';
  if (Buffer.byteLength(password) > MAX_FIELD)
    return `the password is longer than ${MAX_FIELD} octets, the most that logins allow`;
  if (schemeOf(password) === '' && !LOOKS_LIKE_A_HASH.test(password)) return null;
  return 'this looks like a hash, but would be stored as a password; use --password-hash-stdin for a hash';
}

async function importHash(services: AdminServices, hash: string): Promise<string> {
  if (schemeOf(hash) === '')
    throw new OperationError(
      `this hash cannot be verified here; expected {SCHEME}hash as "doveadm pw" prints it, with ${SCHEME_NAMES.join(', ')}`,
    );
  // A clear-text password is not stored as such.
  const clear = clearTextOf(hash);
  if (clear !== null) return passwordHash(services, clear);
  if (!isWellFormed(hash))
    throw new OperationError(`this is an incomplete {${schemeOf(hash)}} hash: nobody could log in with it`);
  return hash;
}

function schemeGiven(given: Arguments): string | undefined {
  const scheme = optionalText(given, 'scheme')?.toUpperCase();
  if (scheme === undefined || NEW_SCHEMES.includes(scheme)) return scheme;
  throw new OperationError(`no new password is kept as ${scheme.slice(0, 40)}; expected ${NEW_SCHEMES.join(', ')}`);
}

const hashed = async (services: AdminServices, password: string, scheme: string | undefined): Promise<string> =>
  (scheme === undefined ? undefined : await makeHash(scheme, Buffer.from(password), undefined)) ??
  services.hashPassword(password);

async function passwordHash(services: AdminServices, password: string, scheme?: string): Promise<string> {
  const why = whyNoPassword(password);
  if (why !== null) throw new OperationError(why);
  return hashed(services, password, scheme);
}
