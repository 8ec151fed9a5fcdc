/**
 * Postfix's compatibility levels (COMPATIBILITY_README): `major`, `major.minor` or `major.minor.patch`. They select old
 * or new defaults; a main.cf without one has level 0.
 */

const LEVEL = /^(\d{1,4})(?:\.(\d{1,4}))?(?:\.(\d{1,4}))?$/;

/** The three numbers of a level, or null if the text is not a level. */
export function parseLevel(text: string): readonly [number, number, number] | null {
  const match = LEVEL.exec(text.trim());
  return match === null ? null : [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
}

/**
 * Less than, equal to or greater than 0, as `a` is below, at or above `b`. Anything that is not a level counts as 0.
 */
export function compareLevels(a: string, b: string): number {
  const left = parseLevel(a) ?? [0, 0, 0];
  const right = parseLevel(b) ?? [0, 0, 0];
  return left[0] - right[0] || left[1] - right[1] || left[2] - right[2];
}
