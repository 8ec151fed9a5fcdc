/**
 * Queue IDs in the form of Postfix's long ones (enable_long_queue_ids): time, then what makes it
 * unique, in letters without vowels, so that no words come about. Never given twice, not after a
 * restart either: a process begins at a random place and counts on.
 */
import type { Clock } from '../clock.ts';

const ALPHABET = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';

function encode(value: number, width: number): string {
  let text = '';
  for (let rest = Math.floor(value); rest > 0 || text.length < width; rest = Math.floor(rest / ALPHABET.length)) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
  }
  return text;
}

/** `random`: 0 up to 1. IDs given in one process sort by time. */
export function createQueueIds(clock: Clock, random: () => number): () => string {
  const process = encode(random() * ALPHABET.length ** 4, 4);
  let count = 0;
  let last = 0;
  return () => {
    // A clock that was set back must not give an ID again.
    last = Math.max(last, clock());
    count = (count + 1) % ALPHABET.length ** 3;
    return `${encode(last, 8)}z${process}${encode(count, 3)}`;
  };
}
