/**
 * Whether matching a JavaScript expression may take very long.
 *
 * An expression that backtracks too much goes over to V8's linear engine (bin/runtime.js), which cannot look around,
 * refer back or repeat something more than 16 times. One of those is harmless while it has little to vary; with several
 * loops, or loops in loops, the time grows as a power of the key's length, or doubles with each character.
 */

interface Level {
  /** How often the linear engine would have to copy what is repeated in here. */
  readonly copies: number;
  /** Matches in more than one way. */
  readonly varies: boolean;
}

const MOST_COPIES = 16;
const MOST_LOOPS = 1;
const MOST_CHOICES = 1;
const ATOM: Level = { copies: 1, varies: false };

const TOKENS = /\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|\((?:\?(?::|<?[=!]))?|(?:[*+?]|\{(\d+)(,?)(\d*)\})\??|[\s\S]/g;

export interface PatternCost {
  /** The linear engine can match it. */
  readonly isLinear: boolean;
  readonly mayRunLong: boolean;
}

/** `source` is a valid expression. Linear in its length. */
export function costOf(source: string): PatternCost {
  const open: Level[] = [ATOM];
  let last = ATOM;
  let isLinear = true;
  let loops = 0;
  let choices = 0;
  let nested = false;
  const keep = (): void => {
    const level = open.pop() ?? ATOM;
    open.push({ copies: Math.max(level.copies, last.copies), varies: level.varies || last.varies });
    last = ATOM;
  };
  for (const [token, least, comma, most] of source.matchAll(TOKENS)) {
    const range = repetition(token, least, comma, most);
    if (range !== undefined) {
      const [from, to] = range;
      nested ||= last.varies && to > 1;
      if (from !== to && to > MOST_COPIES) loops += 1;
      else if (from !== to) choices += 1;
      const copies = last.copies * Math.max(1, to === Number.POSITIVE_INFINITY ? from : to);
      last = { copies, varies: last.varies || from !== to };
      isLinear &&= copies <= MOST_COPIES;
      continue;
    }
    keep();
    if (token.startsWith('(')) open.push(ATOM);
    else if (token === ')') last = open.pop() ?? ATOM;
    else if (token === '|') last = { copies: 1, varies: true };
    if (/^(?:\(\?<?[=!]|\\[1-9])/.test(token)) isLinear = false;
  }
  return { isLinear, mayRunLong: !isLinear && (nested || loops > MOST_LOOPS || choices > MOST_CHOICES) };
}

function repetition(token: string, least = '', comma = '', most = ''): readonly [number, number] | undefined {
  const first = token.charAt(0);
  if (first === '*') return [0, Number.POSITIVE_INFINITY];
  if (first === '+') return [1, Number.POSITIVE_INFINITY];
  if (first === '?') return [0, 1];
  if (first !== '{' || least === '') return undefined;
  if (comma === '') return [Number(least), Number(least)];
  return [Number(least), most === '' ? Number.POSITIVE_INFINITY : Number(most)];
}
