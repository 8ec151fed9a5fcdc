/**
 * Translates a pattern of the dialects `regexp` (POSIX extended, as in glibc) and `pcre` to JavaScript, token by token.
 * What JavaScript cannot express is refused with a message.
 */
import { readBracket } from './bracket-expression.ts';
import { PatternError } from './pattern-error.ts';

export type Dialect = 'regexp' | 'pcre';

export interface Modes {
  /** Ignore case. */
  readonly i: boolean;
  /** `^` and `$` also match at line ends. */
  readonly m: boolean;
  /** `.` matches every character. */
  readonly s: boolean;
  /** White space in the pattern is ignored. */
  readonly x: boolean;
}

/** A capturing group, with its number in the JavaScript expression. */
interface Group {
  number: number;
}

/** A part of the translation. */
type Token = string | { readonly opens: Group } | { readonly refersTo: () => Group };

/** The translation of a part of the source, and how many characters were read. */
interface Piece {
  readonly text: Token;
  readonly width: number;
  /** `atom` if absent. */
  readonly role?: Role | 'nothing';
}

/** What a piece of the source is to a quantifier that follows: `opening` cannot be repeated. */
type Role = 'atom' | 'group' | 'opening' | 'quantifier';

const PLAIN_GROUP = /^\(\?(?:[:=!]|<[=!])/;
const NAMED_GROUP = /^\(\?P?<[A-Za-z_]\w*>/;
const INLINE_FLAGS = /^\(\?([imsx]*)(?:-([imsx]+))?([:)])/;
const REFUSED_GROUPS: readonly (readonly [RegExp, string])[] = [
  [/^\(\*/, 'a verb such as (*SKIP)'],
  [/^\(\?\|/, 'a branch reset (?|…)'],
  [/^\(\?\(/, 'a condition (?(…)…)'],
  [/^\(\?(?:R|[+-]?\d|&|P)/, 'recursion'],
];

/** Escapes with a different JavaScript form, and glibc's escapes in POSIX patterns. */
const SAME = (letters: string): [string, string][] => [...letters].map((letter) => [letter, `\\${letter}`]);
/** Those of ASCII alone: JavaScript's would match octets of other characters. */
const SPACES: [string, string][] = [
  ['s', '[\\t-\\r ]'],
  ['S', '[^\\t-\\r ]'],
];
const ESCAPES: Readonly<Record<Dialect, ReadonlyMap<string, string>>> = {
  regexp: new Map([...SAME('wWbB'), ...SPACES, ['<', '\\b(?=\\w)'], ['>', '\\b(?<=\\w)'], ['`', '^'], ["'", '$']]),
  pcre: new Map([
    ...SAME('dDwWbBtnrfv'),
    ...SPACES,
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
    ['K', ''],
  ]),
};

/** An open group: what to restore and to write at its end. */
interface OpenGroup {
  readonly modes: Modes;
  /** The index of its first token. */
  readonly start: number;
  readonly close: readonly Token[];
}

/** For one pattern, whose characters are octets. */
export class Translator {
  readonly #source: string;
  readonly #dialect: Dialect;
  readonly #ungreedy: boolean;
  #modes: Modes;
  readonly #tokens: Token[] = [];
  /** The groups of the source, in order. */
  readonly #groups: Group[] = [];
  readonly #outer: OpenGroup[] = [];
  /** The index of the first token of what a quantifier would repeat. */
  #last = 0;
  /** What the last piece was. */
  #before: Role = 'opening';

  constructor(source: string, dialect: Dialect, modes: Modes, ungreedy: boolean) {
    this.#source = source;
    this.#dialect = dialect;
    this.#modes = modes;
    this.#ungreedy = ungreedy;
  }

  /** The JavaScript expression, and the number there of each group of the source. */
  translate(): { readonly body: string; readonly captures: readonly number[] } {
    for (let at = 0; at < this.#source.length; ) {
      const start = this.#tokens.length;
      const { text, width, role = 'atom' } = this.#piece(at);
      this.#tokens.push(text);
      if (role === 'atom') this.#last = start;
      if (role !== 'nothing') this.#before = role;
      at += width;
    }
    if (this.#outer.length > 0) throw new PatternError('a "(" is never closed');
    let number = 0;
    for (const token of this.#tokens) if (typeof token === 'object' && 'opens' in token) token.opens.number = ++number;
    const body = this.#tokens
      .map((token) => (typeof token === 'string' ? token : 'opens' in token ? '(' : `(?:\\${token.refersTo().number})`))
      .join('');
    return { body, captures: this.#groups.map((group) => group.number) };
  }

  #piece(at: number): Piece {
    const character = this.#source.charAt(at);
    if (character === '\\') return this.#escape(at);
    if (character === '[')
      return readBracket(this.#source, at, { foldCase: this.#modes.i, escapes: this.#dialect === 'pcre' });
    if (character === '(') return this.#openGroup(this.#source.slice(at, at + 60), at);
    if (character === ')') return this.#closeGroup();
    if ('*+?{'.includes(character)) return this.#quantifier(this.#source.slice(at, at + 16));
    if (this.#modes.x && /\s/.test(character)) return { text: '', width: 1, role: 'nothing' };
    if (this.#modes.x && character === '#')
      return { text: '', width: upTo(this.#source, '\n', at) - at, role: 'nothing' };
    return { text: this.#plain(character), width: 1, role: '^$|'.includes(character) ? 'opening' : 'atom' };
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
    if (/[1-9]/.test(next)) return { text: { refersTo: () => this.#group(Number(next)) }, width: 2 };
    if (this.#dialect === 'regexp' || !/[A-Za-z]/.test(next)) return { text: this.#literal(next), width: 2 };
    if (next === 'Q') return this.#quoted(at);
    if (next === 'E') return { text: '', width: 2, role: 'nothing' };
    const hex = /^\\x(?:([0-9a-fA-F]{1,2})|\{([0-9a-fA-F]{1,4})\})/.exec(this.#source.slice(at, at + 10));
    if (hex === null) throw new PatternError(`"\\${next}" is not supported`);
    return {
      text: this.#literal(String.fromCharCode(Number.parseInt(hex[1] ?? hex[2] ?? '', 16))),
      width: hex[0].length,
    };
  }

  #group(number: number): Group {
    const group = this.#groups[number - 1];
    if (group === undefined) throw new PatternError(`"\\${number}" refers to a group that the pattern does not have`);
    return group;
  }

  /** `\Q … \E`: the text in between is literal. */
  #quoted(at: number): Piece {
    const end = upTo(this.#source, '\\E', at + 2);
    const text = [...this.#source.slice(at + 2, end)].map((character) => this.#literal(character)).join('');
    return { text, width: Math.min(end + 2, this.#source.length) - at };
  }

  #openGroup(ahead: string, at: number): Piece {
    const special = this.#dialect === 'pcre' && /^\([?*]/.test(ahead);
    if (special && ahead.startsWith('(?#'))
      return { text: '', width: upTo(this.#source, ')', at) + 1 - at, role: 'nothing' };
    const flags = special ? INLINE_FLAGS.exec(ahead) : null;
    // Flags up to `)` apply to the end of the enclosing group; `(?:` opens a group without changing a mode.
    if (flags?.[3] === ')') {
      this.#modes = changed(this.#modes, flags[1] ?? '', flags[2] ?? '');
      return { text: '', width: flags[0].length, role: 'nothing' };
    }
    if (flags !== null) {
      this.#open([')']);
      this.#modes = changed(this.#modes, flags[1] ?? '', flags[2] ?? '');
      return { text: '(?:', width: flags[0].length, role: 'opening' };
    }
    const captured = special ? NAMED_GROUP.exec(ahead)?.[0] : '(';
    if (captured !== undefined) {
      const group: Group = { number: 0 };
      this.#groups.push(group);
      this.#open([')']);
      return { text: { opens: group }, width: captured.length, role: 'opening' };
    }
    if (ahead.startsWith('(?>')) {
      const whole: Group = { number: 0 };
      this.#open(atomicEnd(whole));
      this.#tokens.push('(?:(?=');
      return { text: { opens: whole }, width: 3, role: 'opening' };
    }
    const plain = PLAIN_GROUP.exec(ahead);
    if (plain === null)
      throw new PatternError(
        `${REFUSED_GROUPS.find(([form]) => form.test(ahead))?.[1] ?? `"${ahead.slice(0, 8)}"`} is not supported`,
      );
    this.#open([')']);
    return { text: plain[0], width: plain[0].length, role: 'opening' };
  }

  #open(close: readonly Token[]): void {
    this.#outer.push({ modes: this.#modes, start: this.#tokens.length, close });
  }

  #closeGroup(): Piece {
    const outer = this.#outer.pop();
    if (outer === undefined) {
      if (this.#dialect === 'regexp') return { text: '\\)', width: 1 };
      throw new PatternError('a ")" without a matching "("');
    }
    this.#modes = outer.modes;
    this.#last = outer.start;
    this.#tokens.push(...outer.close);
    return { text: '', width: 1, role: 'group' };
  }

  #quantifier(ahead: string): Piece {
    const counted = COUNTED[this.#dialect].exec(ahead);
    const isLiteral = ahead.startsWith('{') && counted === null;
    if (isLiteral && this.#dialect === 'pcre') return { text: '\\{', width: 1 };
    if (isLiteral)
      throw new PatternError('a "{" that is no repetition such as {2} or {2,5}; write \\{ for the character');
    if (this.#before === 'opening') throw new PatternError(`a "${ahead.charAt(0)}" with nothing before it to repeat`);
    const text = counted === null ? ahead.charAt(0) : `{${counted[1] === '' ? '0' : counted[1]}${counted[2] ?? ''}}`;
    const width = counted?.[0].length ?? 1;
    if (this.#dialect === 'regexp') return this.#posixQuantifier(text, width);
    const suffix = ahead.charAt(width);
    if (suffix === '+') {
      const whole: Group = { number: 0 };
      this.#tokens.splice(this.#last, 0, '(?:(?=', { opens: whole });
      this.#tokens.push(text, ...atomicEnd(whole));
      return { text: '', width: width + 1, role: 'quantifier' };
    }
    const lazy = (suffix === '?') !== this.#ungreedy;
    return { text: lazy ? `${text}?` : text, width: suffix === '?' ? width + 1 : width, role: 'quantifier' };
  }

  /** Also of what is repeated already: `a*?` is `(a*)?`. */
  #posixQuantifier(text: string, width: number): Piece {
    if (this.#before === 'quantifier') {
      this.#tokens.splice(this.#last, 0, '(?:');
      this.#tokens.push(')');
    }
    return { text, width, role: 'quantifier' };
  }
}

const COUNTED: Readonly<Record<Dialect, RegExp>> = {
  regexp: /^\{(\d{0,4})(,\d{0,4})?\}/,
  pcre: /^\{(\d{1,4})(,\d{0,4})?\}/,
};

/** JavaScript has no atomic groups: what a lookahead captured is fixed, and then taken as it is. */
const atomicEnd = (whole: Group): Token[] => ['))', { refersTo: () => whole }, ')'];

function changed(modes: Modes, on: string, off: string): Modes {
  const pick = (flag: keyof Modes): boolean => (modes[flag] || on.includes(flag)) && !off.includes(flag);
  return { i: pick('i'), m: pick('m'), s: pick('s'), x: pick('x') };
}

/** The index of the next `text`, or the end. */
function upTo(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found < 0 ? source.length : found;
}
