/**
 * HMAC-MD5 (RFC 2104) from the two states that {CRAM-MD5} stores in place of a password: those of MD5 (RFC 1321) after
 * the outer and the inner padded key. Node's hash functions cannot start from a state.
 */
import { createHash } from 'node:crypto';

const BLOCK = 64;
const STATE = 16;
const INITIAL = Buffer.from('0123456789abcdeffedcba9876543210', 'hex');
const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;
const SINES = Array.from({ length: BLOCK }, (_, at) => Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32) | 0);

/** The state after one block of 64 octets. */
function compress(state: Buffer, block: Buffer): Buffer {
  const start = [0, 4, 8, 12].map((at) => state.readInt32LE(at)) as [number, number, number, number];
  let [a, b, c, d] = start;
  for (let at = 0; at < BLOCK; at += 1) {
    const round = at >> 4;
    const [mixed, word] = (
      [
        [(b & c) | (~b & d), at],
        [(d & b) | (~d & c), 5 * at + 1],
        [b ^ c ^ d, 3 * at + 5],
        [c ^ (b | ~d), 7 * at],
      ] as const
    )[round] ?? [0, 0];
    const sum = (a + mixed + (SINES[at] ?? 0) + block.readInt32LE(4 * (word % 16))) | 0;
    const shift = SHIFTS[round]?.[at % 4] ?? 0;
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  const next = Buffer.alloc(STATE);
  for (const [at, value] of [a, b, c, d].entries()) next.writeInt32LE((value + (start[at] ?? 0)) | 0, 4 * at);
  return next;
}

/** MD5 of a text whose first block has led to this state. */
function finish(state: Buffer, rest: Buffer): Buffer {
  const length = rest.length + 9 + ((BLOCK - ((rest.length + 9) % BLOCK)) % BLOCK);
  const padded = Buffer.alloc(length);
  rest.copy(padded);
  padded[rest.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(8 * (BLOCK + rest.length)), length - 8);
  let now = state;
  for (let at = 0; at < length; at += BLOCK) now = compress(now, padded.subarray(at, at + BLOCK));
  return now;
}

/** As Dovecot stores it: the outer state, then the inner one, in hex. */
export function hmacMd5States(password: Buffer): string {
  const key = Buffer.alloc(BLOCK);
  (password.length > BLOCK ? createHash('md5').update(password).digest() : password).copy(key);
  return [0x5c, 0x36]
    .map((pad) => compress(INITIAL, key.map((octet) => octet ^ pad) as Buffer).toString('hex'))
    .join('');
}

/** Null if `states` are not two states in hex. */
export function hmacMd5(states: string, text: Buffer): Buffer | null {
  if (!/^[0-9a-f]{64}$/i.test(states)) return null;
  const octets = Buffer.from(states, 'hex');
  return finish(octets.subarray(0, STATE), finish(octets.subarray(STATE), text));
}
