/**
 * Patterns of regexp and pcre tables as JavaScript regular expressions.
 *
 * The dialects are translated token by token; what JavaScript cannot express is refused with a message. Case is
 * folded by writing both letters ([aA]) instead of the `i` flag, so that V8 can switch to its linear engine
 * when a pattern backtracks too much (the process sets that V8 flag at start). Only the first MAX_SUBJECT
 * characters of a key are matched.
 */
import { messageOf } from '../errors.ts';
import { readBracket } from './bracket-expression.ts';
import { PatternError } from './pattern-error.ts';

export type Dialect = 'regexp' | 'pcre';

/** Number of leading characters of a key that are matched. */
export const MAX_SUBJECT = 8192;
const MAX_PATTERN = 10_000;

interface Modes {
  /** Ignore case. */
  readonly i: boolean;
  /** `^` and `$` also match at line ends. */
  readonly m: boolean;
  /** `.` matches every character. */
  readonly s: boolean;
  /** White space in the pattern is ignored. */
  readonly x: boolean;
}

const FLAGS: Readonly<Record<Dialect, string>> = { regexp: 'imx', pcre: 'imsxAEUX' };

/** `flags` toggle the defaults of the dialect, as in the table file. Throws PatternError. */
export function compilePattern(source: string, flags: string, dialect: Dialect): RegExp {
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
  const body = new Translator(
    dialect === 'regexp' && toggled.has('x') ? extendedForm(source) : source,
    dialect,
    modes,
    toggled.has('U'),
  ).translate();
  try {
    return new RegExp(toggled.has('A') ? `^(?:${body})` : body);
  } catch (error) {
    const reason = messageOf(error).replace(/^Invalid regular expression: .*: /s, '');
    throw new PatternError(`the pattern cannot be read: ${reason}`);
  }
}

/** The number of capturing groups. */
export function groupCount(expression: RegExp): number {
  return (new RegExp(`${expression.source}|`).exec('')?.length ?? 1) - 1;
}

/** The translation of a part of the source, and how many characters were read. */
interface Piece {
  readonly text: string;
  readonly width: number;
}

const PLAIN_GROUP = /^\(\?(?:[:=!]|<[=!])/;
const NAMED_GROUP = /^\(\?P?<[A-Za-z_]\w*>/;
const INLINE_FLAGS = /^\(\?([imsx]*)(?:-([imsx]+))?([:)])/;
const REFUSED_GROUPS: readonly (readonly [RegExp, string])[] = [
  [/^\(\*/, 'a verb such as (*SKIP)'],
  [/^\(\?>/, 'an atomic group (?>…)'],
  [/^\(\?\|/, 'a branch reset (?|…)'],
  [/^\(\?\(/, 'a condition (?(…)…)'],
  [/^\(\?(?:R|[+-]?\d|&|P)/, 'recursion'],
];

/** Escapes with a different JavaScript form, and glibc's escapes in POSIX patterns. */
const SAME = (letters: string): [string, string][] => [...letters].map((letter) => [letter, `\\${letter}`]);
const ESCAPES: Readonly<Record<Dialect, ReadonlyMap<string, string>>> = {
  regexp: new Map([...SAME('wWsSbB'), ['<', '\\b(?=\\w)'], ['>', '\\b(?<=\\w)'], ['`', '^'], ["'", '$']]),
  pcre: new Map([
    ...SAME('dDwWsSbBtnrfv'),
    ['A', '^'],
    ['z', '$'],
    ['Z', '(?=\\n?$)'],
    ['h', '[ \\t\\xa0]'],
    ['H', '[^ \\t\\xa0]'],
    ['N', '[^\\n]'],
    ['R', '(?:\\r\\n|[\\n\\v\\f\\r])'],
    ['e', '\\x1b'],
    ['a', '\\x07'],
    ['0', '\\x00'],
  ]),
};

/**
 * Converts a basic regular expression to an extended one: characters special with and without backslash are swapped.
 */
function extendedForm(basic: string): string {
  return basic.replace(/\\([\s\S])|\[\^?\]?(?:\[:[a-z]*:\]|[^\]])*\]?|[(){}|+?]/g, (found, escaped?: string) => {
    if (escaped !== undefined) return '(){}|+?'.includes(escaped) ? escaped : found;
    return found.startsWith('[') ? found : `\\${found}`;
  });
}

class Translator {
  readonly #source: string;
  readonly #dialect: Dialect;
  readonly #ungreedy: boolean;
  #modes: Modes;
  /** The modes to restore at the end of each open group. */
  readonly #outer: Modes[] = [];

  constructor(source: string, dialect: Dialect, modes: Modes, ungreedy: boolean) {
    this.#source = source;
    this.#dialect = dialect;
    this.#modes = modes;
    this.#ungreedy = ungreedy;
  }

  translate(): string {
    const out: string[] = [];
    for (let at = 0; at < this.#source.length; ) {
      const piece = this.#piece(at);
      out.push(piece.text);
      at += piece.width;
    }
    if (this.#outer.length > 0) throw new PatternError('a "(" is never closed');
    return out.join('');
  }

  #piece(at: number): Piece {
    const character = this.#source.charAt(at);
    if (character === '\\') return this.#escape(at);
    if (character === '[')
      return readBracket(this.#source, at, { foldCase: this.#modes.i, escapes: this.#dialect === 'pcre' });
    if (character === '(') return this.#openGroup(this.#source.slice(at, at + 60), at);
    if (character === ')') return this.#closeGroup();
    if ('*+?{'.includes(character)) return this.#quantifier(this.#source.slice(at, at + 16));
    if (this.#modes.x && /\s/.test(character)) return { text: '', width: 1 };
    if (this.#modes.x && character === '#') return { text: '', width: upTo(this.#source, '\n', at) - at };
    return { text: this.#plain(character), width: 1 };
  }

  #plain(character: string): string {
    const { m, s } = this.#modes;
    if (character === '.') return s ? '[\\s\\S]' : '[^\\n]';
    if (character === '^') return m ? '(?:^|(?<=\\n))' : '^';
    if (character === '$') return m ? '(?:$|(?=\\n))' : '$';
    return character === '|' ? '|' : this.#literal(character);
  }

  /** A literal character. */
  #literal(character: string): string {
    if (this.#modes.i && /[a-zA-Z]/.test(character)) return `[${character.toLowerCase()}${character.toUpperCase()}]`;
    return /[/$()*+.?[\\\]^{|}]/.test(character) ? `\\${character}` : character;
  }

  #escape(at: number): Piece {
    const next = this.#source.charAt(at + 1);
    if (next === '') throw new PatternError('the pattern ends in a backslash');
    const translated = ESCAPES[this.#dialect].get(next);
    if (translated !== undefined) return { text: translated, width: 2 };
    if (/[1-9]/.test(next)) return { text: `(?:\\${next})`, width: 2 };
    if (this.#dialect === 'regexp' || !/[A-Za-z]/.test(next)) return { text: this.#literal(next), width: 2 };
    if (next === 'Q') return this.#quoted(at);
    if (next === 'E') return { text: '', width: 2 };
    const hex = /^\\x(?:([0-9a-fA-F]{1,2})|\{([0-9a-fA-F]{1,4})\})/.exec(this.#source.slice(at, at + 10));
    if (hex === null) throw new PatternError(`"\\${next}" is not supported`);
    return {
      text: this.#literal(String.fromCharCode(Number.parseInt(hex[1] ?? hex[2] ?? '', 16))),
      width: hex[0].length,
    };
  }

  /** `\Q … \E`: the text in between is literal. */
  #quoted(at: number): Piece {
    const end = upTo(this.#source, '\\E', at + 2);
    const text = [...this.#source.slice(at + 2, end)].map((character) => this.#literal(character)).join('');
    return { text, width: Math.min(end + 2, this.#source.length) - at };
  }

  #openGroup(ahead: string, at: number): Piece {
    const special = this.#dialect === 'pcre' && /^\([?*]/.test(ahead);
    if (special && ahead.startsWith('(?#')) return { text: '', width: upTo(this.#source, ')', at) + 1 - at };
    const flags = special ? INLINE_FLAGS.exec(ahead) : null;
    // `(?:` opens a group without changing a mode; flags up to `)` apply to the end of the enclosing group.
    if (flags === null || flags[3] === ':') this.#outer.push(this.#modes);
    if (flags !== null) {
      this.#modes = changed(this.#modes, flags[1] ?? '', flags[2] ?? '');
      return { text: flags[3] === ':' ? '(?:' : '', width: flags[0].length };
    }
    if (!special) return { text: '(', width: 1 };
    const named = NAMED_GROUP.exec(ahead);
    if (named !== null) return { text: '(', width: named[0].length };
    const plain = PLAIN_GROUP.exec(ahead);
    if (plain !== null) return { text: plain[0], width: plain[0].length };
    throw new PatternError(
      `${REFUSED_GROUPS.find(([form]) => form.test(ahead))?.[1] ?? `"${ahead.slice(0, 8)}"`} is not supported`,
    );
  }

  #closeGroup(): Piece {
    const outer = this.#outer.pop();
    if (outer === undefined) throw new PatternError('a ")" without a matching "("');
    this.#modes = outer;
    return { text: ')', width: 1 };
  }

  #quantifier(ahead: string): Piece {
    const counted = (this.#dialect === 'regexp' ? /^\{(\d{0,4})(,\d{0,4})?\}/ : /^\{(\d{1,4})(,\d{0,4})?\}/).exec(
      ahead,
    );
    if (ahead.startsWith('{') && counted === null) return { text: '\\{', width: 1 };
    const text = counted === null ? ahead.charAt(0) : `{${counted[1] === '' ? '0' : counted[1]}${counted[2] ?? ''}}`;
    const width = counted?.[0].length ?? 1;
    if (this.#dialect === 'regexp') return { text, width };
    const suffix = ahead.charAt(width);
    if (suffix === '+') throw new PatternError(`a possessive quantifier such as "${text}+" is not supported`);
    const lazy = (suffix === '?') !== this.#ungreedy;
    return { text: lazy ? `${text}?` : text, width: suffix === '?' ? width + 1 : width };
  }
}

function changed(modes: Modes, on: string, off: string): Modes {
  const pick = (flag: keyof Modes): boolean => (modes[flag] || on.includes(flag)) && !off.includes(flag);
  return { i: pick('i'), m: pick('m'), s: pick('s'), x: pick('x') };
}

/** The index of the next `text`, or the end. */
function upTo(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found < 0 ? source.length : found;
}
