/**
 * How much a message looks like spam: Robinson's probability of each word, and Fisher's chi-square over the words that
 * say most (G. Robinson, "A Statistical Approach to the Spam Problem", 2003).
 */
import type { Seen } from './counts.ts';
import type { Evidence } from './evidence.ts';

/** What is known of words. */
export interface Knowledge extends Seen {
  of(word: number): Seen;
}

export interface Judgement {
  /** From 0 (not spam) to 1 (spam); about 0.5: cannot be told. */
  readonly score: number;
  /** The words that said most, those of the score's side, strongest first. */
  readonly words: readonly string[];
}

/** How many messages the assumption about a word weighs (Robinson's s), and what is assumed of an unknown word (his x). */
const STRENGTH = 0.45;
const UNKNOWN = 0.5;
/** Words that say less than this are left out. */
const LEAST = 0.1;
const MOST_WORDS = 150;
const MOST_NAMED = 8;

/**
 * `rooms`: the widest first. What a room says of a word is the next one's assumption about it, so that an account's own
 * mail decides where there is enough of it, and everybody's where there is not.
 */
export function judge(evidence: Evidence, rooms: readonly Knowledge[]): Judgement {
  const strong = [...evidence]
    .map(([number, word]) => ({
      word,
      p: rooms.reduce((assumed, room) => probabilityOf(number, room, assumed), UNKNOWN),
    }))
    .filter(({ p }) => Math.abs(p - 0.5) >= LEAST)
    .sort((a, b) => Math.abs(b.p - 0.5) - Math.abs(a.p - 0.5))
    .slice(0, MOST_WORDS);
  const n = strong.length;
  const [spamminess, hamminess] = [
    chiSquare(-2 * strong.reduce((sum, { p }) => sum + Math.log(p), 0), n),
    chiSquare(-2 * strong.reduce((sum, { p }) => sum + Math.log(1 - p), 0), n),
  ];
  const score = n === 0 ? UNKNOWN : (1 + spamminess - hamminess) / 2;
  const words = strong.filter(({ p }) => p > 0.5 === score > 0.5).slice(0, MOST_NAMED);
  return { score, words: words.map(({ word }) => word) };
}

/** Robinson's f(w). Both kinds of mail count alike, however much of each was learned. */
function probabilityOf(word: number, room: Knowledge, assumed: number): number {
  const { spam, ham } = room.of(word);
  const n = spam + ham;
  if (n === 0) return assumed;
  const [inSpam, inHam] = [Math.min(1, spam / Math.max(1, room.spam)), Math.min(1, ham / Math.max(1, room.ham))];
  const p = (STRENGTH * assumed + (n * inSpam) / (inSpam + inHam)) / (STRENGTH + n);
  return Math.min(0.9999, Math.max(0.0001, p));
}

/** The probability that a chi-square of 2n degrees of freedom is above `value`. */
function chiSquare(value: number, n: number): number {
  const half = value / 2;
  let term = Math.exp(-half);
  let sum = term;
  for (let i = 1; i < n; i += 1) {
    term *= half / i;
    sum += term;
  }
  return Math.min(1, sum);
}
