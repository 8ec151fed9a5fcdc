/**
 * Tables of rules that are tried in order until one matches: the common format of regexp, pcre and cidr.
 *
 *   pattern result      !pattern result      if pattern … endif      if !pattern … endif
 *
 * A file with errors is refused as a whole, and every wrong line is reported: a rule that is silently
 * skipped may be the one that rejects mail.
 */
import { logicalLines } from './logical-lines.ts';
import { groupContent, splitTexts } from './split-list.ts';
import type { Steps } from './steps.ts';
import { TableFault } from './table-fault.ts';

/** A pattern at the beginning of a rule: whether a key matches, and what it captured. */
export interface Pattern<K> {
  /** False: skip the rule, whether negated or not (an IPv4 network and an IPv6 key). */
  applies?(key: K): boolean;
  /** Null if the key does not match. */
  match(key: K): readonly (string | undefined)[] | null;
  /** Number of groups that a result may refer to as `$1` and so on. */
  readonly groups: number;
}

/** Reads the pattern at the beginning of `text` (after `!`) and returns the rest, the result; or the error. */
export type ReadPattern<K> = (text: string) => { readonly pattern: Pattern<K>; readonly rest: string } | string;

interface Rule<K> {
  readonly pattern: Pattern<K>;
  readonly negated: boolean;
  /** For `if`: the index after its endif; for a rule: undefined. */
  end: number | undefined;
  readonly result: (captured: readonly (string | undefined)[]) => string;
  /** The result as written. */
  readonly written: string;
}

export interface RuleList<K> {
  /** The result of the first matching rule, or undefined. */
  find(key: K): string | undefined;
  /** The results as written, without `if` lines. */
  readonly results: readonly string[];
}

const MAX_RULES = 20_000;
const MAX_DEPTH = 100;

/** Throws TableFault that lists every wrong line. */
export function parseRules<K>(text: string, file: string, read: ReadPattern<K>): RuleList<K> {
  const rules: Rule<K>[] = [];
  const open: { readonly rule: Rule<K>; readonly line: number }[] = [];
  const problems: { line: number; message: string }[] = [];
  for (const { text: line, line: number } of logicalLines(text)) {
    const problem = (message: string): void => void problems.push({ line: number, message });
    if (rules.length >= MAX_RULES) {
      problem(`more than ${MAX_RULES} rules`);
      break;
    }
    if (/^endif\b/i.test(line)) {
      const block = open.pop();
      if (block === undefined) problem('endif without a matching if');
      else block.rule.end = rules.length;
      continue;
    }
    const conditional = /^if\s+(?=\S)/i.exec(line);
    const rule = readRule(line.slice(conditional?.[0].length ?? 0), conditional !== null, read);
    if (typeof rule === 'string') problem(rule);
    else rules.push(rule);
    // A wrong `if` still opens a block, so that its endif is not reported as another error.
    if (conditional !== null && open.length < MAX_DEPTH)
      open.push({ rule: typeof rule === 'string' ? NOWHERE : rule, line: number });
    else if (conditional !== null) problem('if is nested too deeply');
  }
  for (const { line } of open) problems.push({ line, message: 'if without a matching endif' });
  const [first, ...further] = problems;
  if (first !== undefined) throw new TableFault(file, first.line, first.message, { further });
  return {
    find: (key) => findIn(rules, key),
    results: rules.filter(({ end }) => end === undefined).map(({ written }) => written),
  };
}

/** The same as a single step, the form that a watched file needs: the number of rules is limited. */
export const ruleSteps = <K>(read: ReadPattern<K>): ((text: string, file: string) => Steps<RuleList<K>>) =>
  // biome-ignore lint/correctness/useYield: one step
  function* (text, file) {
    return parseRules(text, file, read);
  };

const NOWHERE: Rule<never> = {
  pattern: { match: () => null, groups: 0 },
  negated: false,
  end: 0,
  result: () => '',
  written: '',
};

function findIn<K>(rules: readonly Rule<K>[], key: K): string | undefined {
  for (let i = 0; i < rules.length; ) {
    const rule = rules[i];
    if (rule === undefined) break;
    const captured = rule.pattern.match(key);
    const fits = (captured !== null) !== rule.negated && rule.pattern.applies?.(key) !== false;
    if (rule.end !== undefined) i = fits ? i + 1 : rule.end;
    else if (fits) return rule.result(captured ?? []);
    else i += 1;
  }
  return undefined;
}

function readRule<K>(line: string, conditional: boolean, read: ReadPattern<K>): Rule<K> | string {
  const bangs = /^(?:!\s*)*/.exec(line)?.[0] ?? '';
  const negated = bangs.replaceAll(/\s/g, '').length % 2 === 1;
  const found = read(line.slice(bangs.length));
  if (typeof found === 'string') return found;
  const { pattern, rest } = found;
  const text = rest.trim();
  if (conditional)
    return text === ''
      ? { pattern, negated, end: 0, result: () => '', written: '' }
      : `"${text.slice(0, 60)}": unexpected text after the pattern of an if`;
  if (text === '') return 'the pattern has no result';
  const result = parseResult(text, negated ? 0 : pattern.groups);
  return typeof result === 'string' ? result : { pattern, negated, end: undefined, result, written: text };
}

/** A result with `$1`, `${1}`, `$(1)` and `$$`; or the error. */
function parseResult(text: string, groups: number): Rule<never>['result'] | string {
  if (!text.includes('$')) return () => text;
  const pieces: (string | number)[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$(?:(\$)|(\d{1,3})|\{(\d{1,3})\}|\((\d{1,3})\)|)/g)) {
    pieces.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const number = match[2] ?? match[3] ?? match[4];
    if (match[1] !== undefined) pieces.push('$');
    else if (number === undefined)
      return `"${text.slice(match.index, match.index + 20)}": expected $1, \${1} or $(1); write $$ for a dollar sign`;
    else if (Number(number) > groups)
      return `$${number}: the pattern has ${groups === 0 ? 'no group "( )"' : `${groups} groups`}${groups === 0 ? ' that a result could refer to' : ''}`;
    else pieces.push(Number(number));
  }
  pieces.push(text.slice(at));
  return (captured) => pieces.map((piece) => (typeof piece === 'number' ? (captured[piece] ?? '') : piece)).join('');
}

/**
 * The text of a table given in its name, `{ { rule }, { rule } }`, one rule per line; undefined if the argument is a
 * file name.
 */
export function inlineText(argument: string): string | undefined {
  const content = groupContent(argument.trim());
  if (content === undefined) return undefined;
  return splitTexts(content)
    .map((item) => (groupContent(item) ?? item).replaceAll('\n', ' '))
    .join('\n');
}
