/**
 * Queue IDs in the format of Postfix's long queue IDs (enable_long_queue_ids): time, then generator.
 *
 * Six digits of seconds and four of microseconds in base 52 (digits and consonants, so that no ID spells a word),
 * a `z`, and the generator's number. Guarantees: a generator never returns an ID twice, nor one that sorts (in
 * ASCII) before an earlier one, even if the clock goes back; generators of different processes differ by their
 * `maker` number.
 */

const DIGITS = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const BASE = DIGITS.length;

/** The number of generator numbers: pass `randomInt(QUEUE_ID_MAKERS)` as `maker`. */
export const QUEUE_ID_MAKERS = BASE ** 5;

/** `clock`: milliseconds since 1970 UTC. The returned function generates a new ID at every call. */
export function createQueueIds(clock: () => number, maker: number): () => string {
  const suffix = `z${encode(maker, 5)}`;
  let last = 0;
  return () => {
    // Every ID has its own microsecond: if the clock stops or goes back, use the next one.
    last = Math.max(clock() * 1000, last + 1);
    return encode(Math.floor(last / 1_000_000), 6) + encode(Math.floor(last % 1_000_000), 4) + suffix;
  };
}

function encode(value: number, width: number): string {
  let text = '';
  for (let rest = value, i = 0; i < width; i += 1) {
    text = DIGITS.charAt(rest % BASE) + text;
    rest = Math.floor(rest / BASE);
  }
  return text;
}
