/**
 * Expansion of `$name` in main.cf values (postconf(5), "SHORT FORM").
 *
 * `$name`, `${name}` and `$(name)` give a value; `${name?x}` gives x if the value is not empty, `${name:x}` if it is,
 * `${name?{x}:{y}}` either; `${{a} == {b} ? {x} : {y}}` compares, with `== != < <= >= >` on numbers or texts and
 * `<level …` on compatibility levels; `$$` is a dollar sign. An unknown name is empty. Depth, length and number of
 * steps are limited: circular or exponentially growing values cause a MacroError instead of filling memory.
 */
import { compareLevels } from './compatibility-level.ts';

export class MacroError extends Error {
  override readonly name = 'MacroError';
}

/** The result of `read`; `other` if a `$name` in it cannot be expanded, which is reported elsewhere. */
export function unlessMacroError<T>(read: () => T, other: T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MacroError) return other;
    throw error;
  }
}

/** The unexpanded value of a parameter, or undefined if there is none. */
export type RawValue = (name: string) => string | undefined;

const MAX_DEPTH = 100;
const MAX_LENGTH = 1_000_000;
const MAX_STEPS = 20_000;

interface Work {
  readonly raw: RawValue;
  /** Called with every name looked up. */
  readonly seen: ((name: string) => void) | undefined;
  steps: number;
  length: number;
}

/** The value with every `$name` replaced. `seen` is called with every name looked up. Throws MacroError. */
export function expand(value: string, raw: RawValue, seen?: (name: string) => void): string {
  return expandText(value, { raw, seen, steps: 0, length: 0 }, 0);
}

/** The names that occur in a value, including nested ones, without following them. */
export function references(value: string): string[] {
  const names: string[] = [];
  expand(
    value,
    () => undefined,
    (name) => names.push(name),
  );
  // Includes both arms of `${name?{x}:{y}}`, unlike the expansion.
  for (const match of value.matchAll(/\$[({]?([A-Za-z0-9_]+)/g)) if (match[1] !== undefined) names.push(match[1]);
  return [...new Set(names)];
}

const NAME = /[A-Za-z0-9_]*/y;

function nameAt(text: string, at: number): string {
  NAME.lastIndex = at;
  return NAME.exec(text)?.[0] ?? '';
}

function expandText(text: string, work: Work, depth: number): string {
  if (depth > MAX_DEPTH) throw new MacroError('values refer to each other in a loop, or too deeply');
  work.steps += 1;
  if (work.steps > MAX_STEPS) throw new MacroError('too many references');
  const out: string[] = [];
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) break;
    out.push(text.slice(at, dollar));
    const next = text.charAt(dollar + 1);
    if (next === '$') {
      out.push('$');
      at = dollar + 2;
    } else if (next === '{' || next === '(') {
      const end = closing(text, dollar + 1);
      out.push(expandBraced(text.slice(dollar + 2, end), work, depth));
      at = end + 1;
    } else {
      const name = nameAt(text, dollar + 1);
      if (name === '')
        throw new MacroError(
          `a name is missing after "$" (write "$$" for a dollar sign) in "${excerpt(text, dollar)}"`,
        );
      out.push(expandName(name, work, depth));
      at = dollar + 1 + name.length;
    }
  }
  out.push(text.slice(at));
  const result = out.join('');
  work.length += result.length;
  if (work.length > MAX_LENGTH) throw new MacroError(`the value grows beyond ${MAX_LENGTH} characters`);
  return result;
}

function expandName(name: string, work: Work, depth: number): string {
  work.seen?.(name);
  const value = work.raw(name);
  return value === undefined || value === '' ? '' : expandText(value, work, depth + 1);
}

/** The inside of `${…}`. */
function expandBraced(inside: string, work: Work, depth: number): string {
  const text = inside.trim();
  if (text.startsWith('{')) return expandComparison(text, work, depth);
  const name = nameAt(text, 0);
  if (name === '') throw new MacroError(`a name is missing in "\${${excerpt(text, 0)}}"`);
  const rest = text.slice(name.length).trimStart();
  if (rest === '') return expandName(name, work, depth);
  const operator = rest.charAt(0);
  if (operator !== '?' && operator !== ':')
    throw new MacroError(`expected "?" or ":" after the name in "\${${excerpt(text, 0)}}"`);
  const isSet = expandName(name, work, depth) !== '';
  if (operator === '?') return expandArms(rest.slice(1), isSet, work, depth);
  return isSet ? '' : expandText(oneArm(rest.slice(1)), work, depth + 1);
}

const OPERATOR = /(==|!=|<=|>=|<|>)(level)?/y;

/** `{a} == {b} ? {x} : {y}`; without arms a true comparison gives `bool:true`, as in Postfix. */
function expandComparison(text: string, work: Work, depth: number): string {
  const leftEnd = closing(text, 0);
  OPERATOR.lastIndex = skipSpace(text, leftEnd + 1);
  const operator = OPERATOR.exec(text);
  const rightStart = operator === null ? -1 : skipSpace(text, OPERATOR.lastIndex);
  if (operator === null || text.charAt(rightStart) !== '{')
    throw new MacroError(`expected "{a} == {b} ? {x} : {y}" in "${excerpt(text, 0)}"`);
  const rightEnd = closing(text, rightStart);
  const left = expandText(text.slice(1, leftEnd).trim(), work, depth + 1);
  const right = expandText(text.slice(rightStart + 1, rightEnd).trim(), work, depth + 1);
  const order = operator[2] === undefined ? compareValues(left, right) : compareLevels(left, right);
  const holds = COMPARISONS[operator[1] ?? '']?.(order) ?? false;
  const rest = text.slice(rightEnd + 1).trimStart();
  if (rest === '') return holds ? 'bool:true' : '';
  if (rest.startsWith('?')) return expandArms(rest.slice(1), holds, work, depth);
  if (rest.startsWith(':')) return holds ? '' : expandText(oneArm(rest.slice(1)), work, depth + 1);
  throw new MacroError(`expected "?" or ":" after the comparison in "${excerpt(text, 0)}"`);
}

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Compares numerically if both are numbers, otherwise as texts. */
function compareValues(left: string, right: string): number {
  if (/^\d+$/.test(left) && /^\d+$/.test(right)) return Number(left) - Number(right);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `{x}:{y}`, `{x}` or a bare text, depending on whether the condition is true. */
function expandArms(arms: string, holds: boolean, work: Work, depth: number): string {
  const text = arms.trimStart();
  if (!text.startsWith('{')) return holds ? expandText(arms, work, depth + 1) : '';
  const end = closing(text, 0);
  if (holds) return expandText(text.slice(1, end).trim(), work, depth + 1);
  const rest = text.slice(end + 1).trimStart();
  if (rest === '') return '';
  if (!rest.startsWith(':')) throw new MacroError(`expected ":{…}" after "{…}" in "${excerpt(text, 0)}"`);
  return expandText(oneArm(rest.slice(1)), work, depth + 1);
}

function oneArm(arm: string): string {
  const text = arm.trim();
  return text.startsWith('{') && closing(text, 0) === text.length - 1 ? text.slice(1, -1).trim() : arm;
}

/** The index of the bracket that closes the one at `open`. */
function closing(text: string, open: number): number {
  const [up, down] = text.charAt(open) === '(' ? ['(', ')'] : ['{', '}'];
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === up) depth += 1;
    else if (character === down) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new MacroError(`"${up}" is never closed in "${excerpt(text, open)}"`);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charAt(at).trim() === '') at += 1;
  return at;
}

const excerpt = (text: string, at: number): string => text.slice(at, at + 60);
