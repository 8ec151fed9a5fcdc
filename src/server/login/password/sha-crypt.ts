/**
 * SHA-crypt, `$5$` and `$6$` of /etc/shadow (U. Drepper, "Unix crypt using SHA-256 and SHA-512", version 0.4).
 * Guarantee: never blocks the event loop for more than a few milliseconds, whatever the number of rounds.
 */
import { hash, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { equalOctets } from '../../../lookup/equal-octets.ts';

const FORM = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,16})\$([./0-9A-Za-z]+)$/;
const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DEFAULT_ROUNDS = 5000;
const MIN_ROUNDS = 1000;
/** The format allows a thousand times as many, but a login must not take minutes. */
const MAX_ROUNDS = 1_000_000;
/** Rounds per turn of the event loop. */
const SLICE = 500;

/** `stored`: `$6$rounds=…$salt$hash`. False if the format is different. */
export async function verifyShaCrypt(password: Buffer, stored: string): Promise<boolean> {
  const [, id, asked, salt = '', expected = ''] = FORM.exec(stored) ?? [];
  if (id === undefined) return false;
  const rounds = asked === undefined ? DEFAULT_ROUNDS : Math.max(MIN_ROUNDS, Number(asked));
  if (rounds > MAX_ROUNDS) return false;
  const digest = await shaCrypt(id === '5' ? 'sha256' : 'sha512', password, Buffer.from(salt), rounds);
  return equalOctets(Buffer.from(encode(digest)), Buffer.from(expected));
}

/** `$6$salt$hash` (or `$5$`) with a new salt. `rounds` are brought into the limits of the format. */
export async function hashShaCrypt(id: '5' | '6', password: Buffer, rounds = DEFAULT_ROUNDS): Promise<string> {
  const salt = Array.from(randomBytes(16), (octet) => DIGITS.charAt(octet % DIGITS.length)).join('');
  const count = Math.min(MAX_ROUNDS, Math.max(MIN_ROUNDS, rounds));
  const digest = await shaCrypt(id === '5' ? 'sha256' : 'sha512', password, Buffer.from(salt), count);
  const asked = count === DEFAULT_ROUNDS ? '' : `rounds=${count}$`;
  return `$${id}$${asked}${salt}$${encode(digest)}`;
}

async function shaCrypt(algorithm: 'sha256' | 'sha512', key: Buffer, salt: Buffer, rounds: number): Promise<Buffer> {
  const digest = (...parts: readonly Buffer[]): Buffer => hash(algorithm, Buffer.concat(parts), 'buffer');
  const alternate = digest(key, salt, key);
  const start = [key, salt, fill(alternate, key.length)];
  for (let bits = key.length; bits > 0; bits >>= 1) start.push((bits & 1) === 1 ? alternate : key);
  let current = digest(...start);
  const p = fill(digest(...Array.from({ length: key.length }, () => key)), key.length);
  const s = fill(digest(...Array.from({ length: 16 + (current[0] ?? 0) }, () => salt)), salt.length);
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1;
    const parts = [odd ? p : current];
    if (round % 3 !== 0) parts.push(s);
    if (round % 7 !== 0) parts.push(p);
    parts.push(odd ? current : p);
    current = digest(...parts);
    if (round % SLICE === SLICE - 1) await nextTurn();
  }
  return current;
}

/** Repeats `pattern` up to a length. */
const fill = (pattern: Buffer, length: number): Buffer =>
  length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, pattern);

/** Crypt's own base 64: octets taken from the three thirds in turn, six bits per digit, lowest first. */
function encode(digest: Buffer): string {
  const third = Math.floor(digest.length / 3);
  const turn = digest.length === 64 ? 1 : 2;
  let indices = [0, third, 2 * third];
  let text = '';
  for (let group = 0; group < third; group += 1) {
    const [a = 0, b = 0, c = 0] = indices;
    text += digits(((digest[a] ?? 0) << 16) | ((digest[b] ?? 0) << 8) | (digest[c] ?? 0), 4);
    indices = [indices[turn % 3] ?? 0, indices[(turn + 1) % 3] ?? 0, indices[(turn + 2) % 3] ?? 0].map((i) => i + 1);
  }
  return (
    text + (digest.length === 64 ? digits(digest[63] ?? 0, 2) : digits(((digest[31] ?? 0) << 8) | (digest[30] ?? 0), 3))
  );
}

function digits(value: number, count: number): string {
  let text = '';
  for (let rest = value, i = 0; i < count; i += 1) {
    text += DIGITS.charAt(rest & 63);
    rest >>= 6;
  }
  return text;
}
