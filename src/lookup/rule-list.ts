/**
 * Tables of rules that are tried in order until one matches: the common format of regexp, pcre and cidr.
 *
 *   pattern result      !pattern result      if pattern … endif      if !pattern … endif
 *
 * A file with errors is refused as a whole, and every wrong line is reported: a rule that is silently
 * skipped may be the one that rejects mail. Commands that only ask a table may skip them.
 */
import { tableLines } from './logical-lines.ts';
import { groupContent, splitTexts } from './split-list.ts';
import { TableFault, TableUnavailableError } from './table-fault.ts';
import { OUT_OF_TIME, withinTime } from './time-limit.ts';

/** A pattern at the beginning of a rule: whether a key matches, and what it captured. */
export interface Pattern<K> {
  /** False: skip the rule, whether negated or not (an IPv4 network and an IPv6 key). */
  applies?(key: K): boolean;
  /** Null if the key does not match. */
  match(key: K): readonly (string | undefined)[] | null;
  /** Number of groups that a result may refer to as `$1` and so on; absent: a `$` in a result is an ordinary character. */
  readonly groups?: number;
  /** A match may take very long: it needs a time limit. */
  readonly slow?: boolean;
  /** Its JavaScript expression, if V8's linear engine can match it: a sieve joins it with others. */
  readonly linear?: string | undefined;
}

/** Makes one question of several patterns: false if none of them matches the key. */
export type Sieve<K> = (patterns: readonly Pattern<K>[]) => (key: K) => boolean;

/** Reads the pattern at the beginning of `text` (after `!`) and returns the rest, the result; or the error. */
export type ReadPattern<K> = (text: string) => { readonly pattern: Pattern<K>; readonly rest: string } | string;

interface Rule<K> {
  /** The file's line. */
  readonly line: number;
  readonly pattern: Pattern<K>;
  readonly negated: boolean;
  /** For `if`: the index after its endif; for a rule: undefined. */
  end: number | undefined;
  readonly result: (captured: readonly (string | undefined)[]) => string;
  /** The result as written. */
  readonly written: string;
}

export interface RuleList<K> {
  /**
   * The result of the first matching rule, or undefined. A rule whose match takes too long is passed over and reported
   * with its line. Throws TableUnavailableError after several of them.
   */
  find(key: K, tooLong: (line: number) => void): string | undefined;
  /** The line of the rule that `find` takes its result from. */
  lineOf(key: K): number | undefined;
  /** The results as written, without `if` lines. */
  readonly results: readonly string[];
  /** Lines that are not as they should be, and act all the same. */
  readonly warnings: readonly Remark[];
}

interface Remark {
  readonly line: number;
  readonly message: string;
}

const MAX_RULES = 20_000;
const MAX_DEPTH = 100;

export interface RuleReading<K> {
  readonly read: ReadPattern<K>;
  readonly sieve?: Sieve<K>;
  /** The match of a key so long needs a time limit, whatever the patterns. */
  readonly isLong?: (key: K) => boolean;
  /** Wrong rules are left out, with a warning each. */
  readonly skipsWrong?: boolean;
}

/** Throws TableFault that lists every wrong line. */
export function parseRules<K>(
  text: string,
  file: string,
  { read, sieve, isLong, skipsWrong = false }: RuleReading<K>,
): RuleList<K> {
  const rules: Rule<K>[] = [];
  const open: { readonly rule: Rule<K>; readonly line: number }[] = [];
  const problems: Remark[] = [];
  const warnings: Remark[] = [];
  for (const { text: line, line: number } of tableLines(text)) {
    const problem = (message: string): void => void problems.push({ line: number, message });
    if (rules.length >= MAX_RULES) {
      problem(`more than ${MAX_RULES} rules`);
      break;
    }
    const endif = ENDIF.exec(line);
    if (endif !== null) {
      const block = open.pop();
      if (block === undefined) problem('endif without a matching if');
      else block.rule.end = rules.length;
      if (endif[1] !== '')
        warnings.push({ line: number, message: `the text after endif is ignored: "${endif[1]?.slice(0, 60)}"` });
      continue;
    }
    const conditional = IF.exec(line);
    const rule = readRule(line.slice(conditional?.[0].length ?? 0), number, conditional !== null, read);
    if (typeof rule === 'string') problem(rule);
    else rules.push(rule);
    if (typeof rule === 'string' && skipsWrong) continue;
    // A wrong `if` still opens a block, so that its endif is not reported as another error.
    if (conditional !== null && open.length < MAX_DEPTH)
      open.push({ rule: typeof rule === 'string' ? NOWHERE : rule, line: number });
    else if (conditional !== null) problem('if is nested too deeply');
  }
  for (const { rule, line } of open) {
    problems.push({ line, message: 'if without a matching endif' });
    rule.end = rules.length;
  }
  const [first, ...further] = problems;
  if (first !== undefined && !skipsWrong) throw new TableFault(file, first.line, first.message, { further });
  const isSlow = rules.some(({ pattern }) => pattern.slow === true);
  const runs = sieve === undefined ? [] : runsOf(rules, sieve);
  const find = (search: Search<K>, tooLong: (line: number) => void): string | undefined =>
    isSlow || isLong?.(search.key) === true ? findInTime(search, tooLong) : findIn(search);
  const searchFor = (key: K): Search<K> => ({ rules, runs, key, at: 0, inRun: false });
  return {
    find: (key, tooLong) => find(searchFor(key), tooLong),
    lineOf(key) {
      const search = searchFor(key);
      return find(search, () => {}) === undefined ? undefined : rules[search.at]?.line;
    },
    results: rules.filter(({ end }) => end === undefined).map(({ written }) => written),
    warnings: [...warnings, ...problems.map(({ line, message }) => ({ line, message: `${message}: left out` }))],
  };
}

const ENDIF = /^endif(?![A-Za-z0-9])\s*(.*?)\s*$/is;
const IF = /^if(?![A-Za-z0-9])\s*(?=\S)/i;

const NOWHERE: Rule<never> = {
  line: 0,
  pattern: { match: () => null },
  negated: false,
  end: 0,
  result: () => '',
  written: '',
};

/** Rules that follow each other and are passed over together for most keys. */
interface Run<K> {
  readonly end: number;
  readonly mayMatch: (key: K) => boolean;
}

/** With more, little is won, and a key that one of them matches pays for all. */
const LONGEST_RUN = 16;

/** By the index of the first rule of each. An `if` ends a run, `endif` does not: its block has already been entered. */
function runsOf<K>(rules: readonly Rule<K>[], sieve: Sieve<K>): readonly (Run<K> | undefined)[] {
  const runs: (Run<K> | undefined)[] = [];
  const joins = ({ pattern, negated, end }: Rule<K>): boolean =>
    pattern.linear !== undefined && !negated && end === undefined;
  for (let at = 0; at < rules.length; ) {
    const other = rules.slice(at, at + LONGEST_RUN).findIndex((rule) => !joins(rule));
    const end = other < 0 ? Math.min(at + LONGEST_RUN, rules.length) : at + other;
    if (end > at) runs[at] = { end, mayMatch: sieve(rules.slice(at, end).map(({ pattern }) => pattern)) };
    at = Math.max(end, at + 1);
  }
  return runs;
}

interface Search<K> {
  readonly rules: readonly Rule<K>[];
  runs: readonly (Run<K> | undefined)[];
  readonly key: K;
  /** The index of the next rule to try. */
  at: number;
  /** The run that begins there is being asked. */
  inRun: boolean;
}

function findIn<K>(search: Search<K>): string | undefined {
  const { rules, runs, key } = search;
  for (;;) {
    const run = runs[search.at];
    if (run !== undefined) {
      search.inRun = true;
      const mayMatch = run.mayMatch(key);
      search.inRun = false;
      if (!mayMatch) {
        search.at = run.end;
        continue;
      }
    }
    const rule = rules[search.at];
    if (rule === undefined) return undefined;
    const captured = rule.pattern.match(key);
    const fits = (captured !== null) !== rule.negated && rule.pattern.applies?.(key) !== false;
    if (fits && rule.end === undefined) return rule.result(captured ?? []);
    search.at = fits ? search.at + 1 : next(rule, search.at);
  }
}

/** The index after a rule that does not fit, or after its block. */
const next = (rule: Rule<never>, at: number): number => rule.end ?? at + 1;

/** For one search until the rule that takes too long, ms: about what PCRE's match limit allows in Postfix. */
const TIME_LIMIT = 100;
const MOST_TOO_LONG = 3;

/**
 * As PCRE does at its match limit, a rule that takes too long counts as one that does not fit, negated or not. A run
 * that takes too long is asked rule by rule.
 */
function findInTime<K>(search: Search<K>, tooLong: (line: number) => void): string | undefined {
  for (let i = 0; i < MOST_TOO_LONG; i += 1) {
    const found = withinTime(TIME_LIMIT, () => findIn(search));
    if (found !== OUT_OF_TIME) return found;
    if (search.inRun) {
      search.inRun = false;
      search.runs = [];
      continue;
    }
    const rule = search.rules[search.at];
    if (rule === undefined) return undefined;
    tooLong(rule.line);
    search.at = next(rule, search.at);
  }
  throw new TableUnavailableError('several patterns take too long for this key');
}

function readRule<K>(text: string, line: number, conditional: boolean, read: ReadPattern<K>): Rule<K> | string {
  const bangs = /^(?:!\s*)*/.exec(text)?.[0] ?? '';
  const negated = bangs.replaceAll(/\s/g, '').length % 2 === 1;
  const found = read(text.slice(bangs.length));
  if (typeof found === 'string') return found;
  const { pattern } = found;
  const rest = found.rest.trim();
  if (conditional)
    return rest === ''
      ? { line, pattern, negated, end: 0, result: () => '', written: '' }
      : `"${rest.slice(0, 60)}": unexpected text after the pattern of an if (a line that begins with white space continues the line before it)`;
  if (rest === '') return 'the pattern has no result';
  const result = pattern.groups === undefined ? () => rest : parseResult(rest, negated ? 0 : pattern.groups);
  return typeof result === 'string' ? result : { line, pattern, negated, end: undefined, result, written: rest };
}

/** A result with `$1`, `${1}`, `$(1)` and `$$`; or the error. As in Postfix, a name goes as far as letters and digits do. */
function parseResult(text: string, groups: number): Rule<never>['result'] | string {
  if (!text.includes('$')) return () => text;
  const pieces: (string | number)[] = [];
  let at = 0;
  for (const match of text.matchAll(/\$(?:(\$)|(\w+)|\{(\w+)\}|\((\w+)\)|)/g)) {
    pieces.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const name = match[2] ?? match[3] ?? match[4] ?? '';
    if (match[1] !== undefined) pieces.push('$');
    else if (!/^[1-9]\d{0,2}$/.test(name))
      return `"${text.slice(match.index, match.index + 20)}": expected $1, or \${1} and $(1) before a letter or digit; write $$ for a dollar sign`;
    else if (Number(name) > groups)
      return `$${name}: the pattern has ${groups === 0 ? 'no group "( )" that a result could refer to' : `${groups} groups`}`;
    else pieces.push(Number(name));
  }
  pieces.push(text.slice(at));
  return (captured) => pieces.map((piece) => (typeof piece === 'number' ? (captured[piece] ?? '') : piece)).join('');
}

/**
 * The text of a table given in its name, `{ { rule }, { rule } }`, one rule per line; undefined if the argument is a
 * file name. Throws TableFault.
 */
export function inlineText(argument: string, name: string): string | undefined {
  if (!argument.trim().startsWith('{')) return undefined;
  const rules = splitTexts(groupContent(argument.trim()) ?? '').map((item) => {
    // `{/a/ b}{/c/ d}` is one item, and not one group.
    const rule = item.includes('}{') ? undefined : groupContent(item);
    if (rule === undefined)
      throw new TableFault(
        name,
        0,
        `"${item.slice(0, 60)}": expected rules in braces: ${name.split(':', 1)[0]}:{ {rule}, {rule} }`,
      );
    return rule.replaceAll('\n', ' ');
  });
  if (rules.length === 0) throw new TableFault(name, 0, 'expected { {rule}, {rule} … }');
  return rules.join('\n');
}
