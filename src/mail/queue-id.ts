/**
 * Queue IDs in the form of Postfix's long queue IDs (enable_long_queue_ids): time, then who made it.
 *
 * Six digits of seconds and four of microseconds in base 52 (digits and consonants: no ID spells a word),
 * a `z`, and digits that tell the makers of one moment apart. Guarantees: one maker never gives an ID
 * twice, nor one that sorts before an earlier one (ASCII order is order of time, whatever the clock does);
 * makers of different processes differ by their `maker` number.
 */

const DIGITS = '0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz';
const BASE = DIGITS.length;

/** How many maker numbers there are: pass `randomInt(QUEUE_ID_MAKERS)`. */
export const QUEUE_ID_MAKERS = BASE ** 5;

/** `clock`: milliseconds since 1970 UTC. The result gives a new ID at every call. */
export function createQueueIds(clock: () => number, maker: number): () => string {
  const suffix = `z${encode(maker, 5)}`;
  let last = 0;
  return () => {
    // A moment of its own for each ID: when the clock stands or goes back, the next microsecond is taken.
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
