/**
 * One expression for several patterns, to pass over all of them with one question: most keys match none.
 *
 * Only for patterns that V8's linear engine can match, so that it can match all of them together too.
 */
import { prepare } from './regular-expression.ts';
import type { Sieve } from './rule-list.ts';

export const sieveOf: Sieve<string> = (patterns) => {
  const any = new RegExp(patterns.map(({ linear = '' }) => `(?:${withoutLead(linear)})`).join('|'));
  return (key) => any.test(prepare(key).octets);
};

/**
 * Without `.*` at the beginning: whether the expression matches is the same, and V8 does not try each length of it at
 * each place.
 */
const withoutLead = (expression: string): string => expression.replace(LEAD, '');

const LEAD = /^\^?(?:\[\\s\\S\]\*\??|\(\[\\s\\S\]\*\??\))(?![*+?{])/;
