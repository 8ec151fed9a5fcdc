/** What STORE makes of a row's flags: the bits of system flags, and the keywords as the row has them. */
import type { StoreFlags } from '../mailboxes.ts';

export const MASKS: Record<StoreFlags['op'], (now: number, given: number) => number> = {
  set: (_now, given) => given,
  add: (now, given) => now | given,
  remove: (now, given) => now & ~given,
};

const split = (words: string): string[] => (words === '' ? [] : words.split(' '));

/** `given`: as the mailbox spells them; for `remove` in lower case. */
export const WORDS: Record<StoreFlags['op'], (now: string, given: readonly string[]) => string> = {
  set: (now, given) => (sameWords(now, given) ? now : given.join(' ')),
  add: (now, given) => (given.length === 0 ? now : [...new Set([...split(now), ...given])].join(' ')),
  remove: (now, given) =>
    given.length === 0
      ? now
      : split(now)
          .filter((word) => !given.includes(word.toLowerCase()))
          .join(' '),
};

/** A different order of the keywords is not a change. */
function sameWords(now: string, given: readonly string[]): boolean {
  const words = split(now);
  return words.length === given.length && words.every((word) => given.includes(word));
}
