/**
 * bcrypt, `$2a$`, `$2b$`, `$2y$` (N. Provos, D. Mazières, "A Future-Adaptable Password Scheme", 1999).
 *
 * Blowfish starts with the digits of pi, which are computed here instead of listed; this takes some milliseconds, so
 * the module is loaded only when the first such hash is seen. Guarantee: never blocks the event loop for more than a
 * few milliseconds.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { equalOctets } from '../../../lookup/equal-octets.ts';

const FORM = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;
const DIGITS = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const MAX_COST = 16;
/** Key schedules per turn of the event loop: about a third of a millisecond each. */
const SLICE = 16;
const ROUNDS = 16;
const P_WORDS = ROUNDS + 2;
const PI = piWords(P_WORDS + 4 * 256);

/** `OrpheanBeholderScryDoubt` */
const MAGIC = [0x4f727068, 0x65616e42, 0x65686f6c, 0x64657253, 0x63727944, 0x6f756274];

/** False if the format is different, or the cost is above 16 (minutes). */
export async function verifyBcrypt(password: Buffer, stored: string): Promise<boolean> {
  const [, cost = '', salt = '', hash = ''] = FORM.exec(stored) ?? [];
  const exponent = Number(cost);
  if (salt === '' || exponent < 4 || exponent > MAX_COST) return false;
  const digest = await bcrypt(keyOf(password), decode(salt, 16), exponent);
  return equalOctets(digest.subarray(0, 23), decode(hash, 23));
}

/** `$2y$05$…` with a new salt; `cost` from 4 to 16. */
export async function hashBcrypt(password: Buffer, cost = 5): Promise<string> {
  const salt = randomBytes(16);
  const exponent = Math.min(MAX_COST, Math.max(4, cost));
  const digest = await bcrypt(keyOf(password), salt, exponent);
  return `$2y$${String(exponent).padStart(2, '0')}$${encode(salt)}${encode(digest.subarray(0, 23))}`;
}

/** What bcrypt uses of a password: 72 octets of it with its NUL. */
const keyOf = (password: Buffer): Buffer => Buffer.concat([password, Buffer.alloc(1)]).subarray(0, 72);

async function bcrypt(key: Buffer, salt: Buffer, cost: number): Promise<Buffer> {
  const box = new Blowfish();
  box.expand(key, salt);
  const nothing = Buffer.alloc(16);
  for (let round = 0; round < 2 ** cost; round += 1) {
    box.expand(key, nothing);
    box.expand(salt, nothing);
    if (round % SLICE === SLICE - 1) await nextTurn();
  }
  const out = Buffer.alloc(24);
  for (let block = 0; block < 3; block += 1) {
    box.left = MAGIC[2 * block] ?? 0;
    box.right = MAGIC[2 * block + 1] ?? 0;
    for (let i = 0; i < 64; i += 1) box.encipher();
    out.writeUInt32BE(box.left >>> 0, 8 * block);
    out.writeUInt32BE(box.right >>> 0, 8 * block + 4);
  }
  return out;
}

class Blowfish {
  left = 0;
  right = 0;
  readonly #p = PI.slice(0, P_WORDS);
  readonly #s = PI.slice(P_WORDS);

  /** Encrypts one block in `left` and `right`, in place. */
  encipher(): void {
    const p = this.#p;
    const s = this.#s;
    let left = this.left ^ at(p, 0);
    let right = this.right;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const mixed =
        ((((at(s, left >>> 24) + at(s, 256 + ((left >>> 16) & 255))) | 0) ^ at(s, 512 + ((left >>> 8) & 255))) +
          at(s, 768 + (left & 255))) |
        0;
      const next = right ^ mixed ^ at(p, round);
      right = left;
      left = next;
    }
    this.left = right ^ at(p, ROUNDS + 1);
    this.right = left;
  }

  /** EksBlowfish's ExpandKey: mixes key and salt into the boxes. */
  expand(key: Buffer, salt: Buffer): void {
    for (let i = 0; i < P_WORDS; i += 1) this.#p[i] = at(this.#p, i) ^ word(key, 4 * i);
    this.left = 0;
    this.right = 0;
    let position = 0;
    for (const words of [this.#p, this.#s]) {
      for (let i = 0; i < words.length; i += 2) {
        this.left ^= word(salt, position);
        this.right ^= word(salt, position + 4);
        position = (position + 8) % 16;
        this.encipher();
        words[i] = this.left;
        words[i + 1] = this.right;
      }
    }
  }
}

const at = (words: Int32Array, index: number): number => words[index] ?? 0;

/** Four octets from `position` on; the buffer repeats endlessly. */
function word(octets: Buffer, position: number): number {
  let value = 0;
  for (let i = 0; i < 4; i += 1) value = (value << 8) | (octets[(position + i) % octets.length] ?? 0);
  return value;
}

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** bcrypt's own base 64: the usual bit order, a different alphabet, no padding. */
const encode = (octets: Buffer): string =>
  octets
    .toString('base64')
    .replaceAll('=', '')
    .replace(/./g, (digit) => DIGITS.charAt(STANDARD.indexOf(digit)));

function decode(text: string, length: number): Buffer {
  return Buffer.from(
    text.replace(/./g, (digit) => STANDARD.charAt(DIGITS.indexOf(digit))),
    'base64',
  ).subarray(0, length);
}

/** The first words of pi's fraction, by Machin's formula: pi = 16 arctan(1/5) - 4 arctan(1/239). */
function piWords(count: number): Int32Array {
  const guard = 64n;
  const bits = BigInt(32 * count);
  const one = 1n << (bits + guard);
  const arctan = (x: bigint): bigint => {
    let power = one / x;
    let sum = power;
    for (let n = 3n, sign = -1n; power > 0n; n += 2n, sign = -sign) {
      power /= x * x;
      sum += sign * (power / n);
    }
    return sum;
  };
  const fraction = (16n * arctan(5n) - 4n * arctan(239n) - 3n * one) >> guard;
  const hex = fraction.toString(16).padStart(8 * count, '0');
  return Int32Array.from({ length: count }, (_, i) => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16) | 0);
}
