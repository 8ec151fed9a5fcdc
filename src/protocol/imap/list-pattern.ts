/**
 * Patterns of LIST and LSUB (RFC 9051 section 6.3.9): `*` matches any text, `%` any text within one level.
 * All positions of the pattern are tracked at once, so the worst-case time is pattern × name.
 */
import { HIERARCHY_SEPARATOR } from '../../mail/mailbox.ts';
import { canonicalName } from './mailbox-name.ts';

export type NameMatcher = (name: string) => boolean;

/** `pattern` is Unicode; INBOX as the first level matches case-insensitively. */
export function compilePattern(pattern: string): NameMatcher {
  const steps = canonicalName(pattern)
    .replace(/[*%]*\*[*%]*/g, '*')
    .replace(/%+/g, '%');
  if (steps === '*') return () => true;
  if (steps === '%') return (name) => !name.includes(HIERARCHY_SEPARATOR);
  if (!steps.includes('*') && !steps.includes('%')) return (name) => name === steps;
  return (name) => matches(steps, name);
}

/** `reached[i]`: the first i pattern characters match the name so far. */
function matches(steps: string, name: string): boolean {
  let reached = new Uint8Array(steps.length + 1);
  let next = new Uint8Array(steps.length + 1);
  reached[0] = 1;
  passEmpty(steps, reached);
  for (let position = 0; position < name.length; position += 1) {
    const char = name.charAt(position);
    let alive = false;
    next.fill(0);
    for (let i = 0; i < steps.length; i += 1) {
      if (reached[i] !== 1) continue;
      const step = steps.charAt(i);
      if (step === '*' || (step === '%' && char !== HIERARCHY_SEPARATOR)) next[i] = 1;
      else if (step !== '%' && step === char) next[i + 1] = 1;
      else continue;
      alive = true;
    }
    if (!alive) return false;
    passEmpty(steps, next);
    [reached, next] = [next, reached];
  }
  return reached[steps.length] === 1;
}

/** A wildcard may match the empty string. */
function passEmpty(steps: string, reached: Uint8Array): void {
  for (let i = 0; i < steps.length; i += 1) {
    if (reached[i] === 1 && (steps.charAt(i) === '*' || steps.charAt(i) === '%')) reached[i + 1] = 1;
  }
}
