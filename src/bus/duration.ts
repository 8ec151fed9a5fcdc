/** A length of time as people write it. */

const UNITS: readonly (readonly [RegExp, number])[] = [
  [/^(?:s|sec|seconds?)?$/, 1],
  [/^(?:m|min|minutes?)$/, 60],
  [/^(?:h|hours?)$/, 3_600],
  [/^(?:d|days?)$/, 86_400],
  [/^(?:w|weeks?)$/, 604_800],
];

/** In seconds: a number of seconds, or `90 s`, `5 min`, `1.5h`, `2 days`, `1 week`. Null if it is none. */
export function readDuration(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : null;
  const [, number = '', unit = ''] =
    (typeof value === 'string' && /^(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]*)$/i.exec(value.trim())) || [];
  const factor = UNITS.find(([words]) => words.test(unit.toLowerCase()))?.[1];
  return number === '' || factor === undefined ? null : Number(number) * factor;
}
