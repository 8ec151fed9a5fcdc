/**
 * Patterns of regexp and pcre tables as JavaScript regular expressions.
 *
 * Case is folded by writing both letters ([aA]) instead of the `i` flag, so that V8 can switch to its linear engine
 * when a pattern backtracks too much (the process sets that V8 flag at start); patterns that it cannot match are marked
 * `slow`. As in Postfix, patterns match octets, not characters. Only the first MAX_SUBJECT characters of a key are
 * matched. Where POSIX would take the longest of several alternatives, the first one that fits is taken.
 */
import { messageOf } from '../errors.ts';
import { decodeHeaderText, encodeHeaderText } from '../protocol/mime/header-text.ts';
import { costOf } from './pattern-cost.ts';
import { PatternError } from './pattern-error.ts';
import { type Dialect, type Modes, Translator } from './pattern-translator.ts';
import type { Pattern } from './rule-list.ts';

/** Number of leading characters of a key that are matched. */
const MAX_SUBJECT = 8192;
const MAX_PATTERN = 10_000;

const FLAGS: Readonly<Record<Dialect, string>> = { regexp: 'imx', pcre: 'imsxAEUX' };

/** `flags` toggle the defaults of the dialect, as in the table file. Throws PatternError. */
export function compilePattern(source: string, flags: string, dialect: Dialect): Pattern<string> {
  if (source.length > MAX_PATTERN) throw new PatternError(`the pattern is longer than ${MAX_PATTERN} characters`);
  const toggled = new Set<string>();
  for (const flag of flags) {
    if (!FLAGS[dialect].includes(flag))
      throw new PatternError(`unknown flag "${flag}" after the pattern: expected some of ${FLAGS[dialect]}`);
    if (!toggled.delete(flag)) toggled.add(flag);
  }
  const modes: Modes = {
    i: !toggled.has('i'),
    m: toggled.has('m'),
    s: dialect === 'regexp' || !toggled.has('s'),
    x: dialect === 'pcre' && toggled.has('x'),
  };
  const { body, captures } = new Translator(
    octetsOf(dialect === 'regexp' && toggled.has('x') ? extendedForm(source) : source),
    dialect,
    modes,
    toggled.has('U'),
  ).translate();
  const expression = expressionOf(toggled.has('A') ? `^(?:${body})` : body);
  const { isLinear, mayRunLong } = costOf(expression.source);
  return {
    match(subject) {
      const { octets, isPlain } = prepare(subject);
      const found = expression.exec(octets);
      if (found === null) return null;
      const texts = [found[0], ...captures.map((number) => found[number])];
      return isPlain ? texts : texts.map((text) => text && decodeHeaderText(text));
    },
    groups: captures.length,
    slow: mayRunLong,
    linear: isLinear ? expression.source : undefined,
  };
}

interface Prepared {
  readonly subject: string;
  readonly octets: string;
  readonly isPlain: boolean;
}

/** The last key: all patterns of a table are asked about one after the other. */
let last: Prepared = { subject: '', octets: '', isPlain: true };

/** What patterns are matched against. */
export function prepare(subject: string): Prepared {
  if (subject !== last.subject) {
    const octets = octetsOf(subject.slice(0, MAX_SUBJECT));
    last = { subject, octets, isPlain: isAscii(octets) };
  }
  return last;
}

const isAscii = (text: string): boolean => !/[^\x00-\x7f]/.test(text);

/** UTF-8, a character for each octet; octets that are no UTF-8 stay what they are in a result (header-text.ts). */
const octetsOf = (text: string): string => (isAscii(text) ? text : encodeHeaderText(text).toString('latin1'));

function expressionOf(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (error) {
    const reason = messageOf(error).replace(/^Invalid regular expression: .*: /s, '');
    throw new PatternError(`the pattern cannot be read: ${reason}`);
  }
}

/**
 * Converts a basic regular expression to an extended one: characters special with and without backslash are swapped.
 */
function extendedForm(basic: string): string {
  return basic.replace(/\\([\s\S])|\[\^?\]?(?:\[:[a-z]*:\]|[^\]])*\]?|[(){}|+?]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return '(){}|+?'.includes(escaped) ? escaped : found;
    return found.startsWith('[') ? found : `\\${found}`;
  });
}
