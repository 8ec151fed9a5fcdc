/**
 * Reads the tokens of one command (RFC 9051 section 9) from its octets.
 *
 * The text is a complete command without its last CRLF, each character one octet (latin1), including
 * literals as received: `{5}` CRLF and five octets. Every method consumes a token or throws
 * ImapSyntaxError; there is no backtracking, so a command is read in linear time. Nesting is limited.
 */
import { ImapSyntaxError } from './syntax-error.ts';

/** Nesting limit of parentheses, NOT and OR: clients that search for one of many values nest an OR for each. */
const MAX_DEPTH = 500;

const ATOM = 1;
const ASTRING = 2;
const LIST = 4;
const TAG = 8;

/** The character classes of each octet. */
const CLASSES = new Uint8Array(256);
for (let code = 0x21; code < 0x7f; code += 1) {
  const char = String.fromCharCode(code);
  let bits = 0;
  if (!'(){%*"\\]'.includes(char)) bits |= ATOM;
  if (!'(){%*"\\'.includes(char)) bits |= ASTRING;
  if (!'(){"\\'.includes(char)) bits |= LIST;
  if (!'(){%*"\\+'.includes(char)) bits |= TAG;
  CLASSES[code] = bits;
}

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;

/** `{n}` or `{n+}` at the end of a line, announcing n octets. `sync`: the client waits for a continuation request. */
export interface LiteralHead {
  readonly size: number;
  readonly sync: boolean;
  /** The index of the `{`. */
  readonly at: number;
}

/**
 * The literal announced at the end of a line, or null; a size may have leading zeros. Sizes beyond 2^53 are
 * returned as Infinity.
 */
export function literalAtEnd(line: string): LiteralHead | null {
  if (!line.endsWith('}')) return null;
  const at = line.lastIndexOf('{');
  const match = at < 0 ? null : /^\{(\d+)(\+?)\}$/.exec(line.slice(at));
  if (match === null) return null;
  const size = Number(match[1]);
  return { size: Number.isSafeInteger(size) ? size : Number.POSITIVE_INFINITY, sync: match[2] === '', at };
}

export class Scanner {
  readonly text: string;
  #at: number;
  #depth = 0;

  constructor(text: string, at = 0) {
    this.text = text;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at >= this.text.length;
  }

  fail(message: string): never {
    throw new ImapSyntaxError(message);
  }

  /** Whether this is the next character; consumes nothing. */
  sees(char: string): boolean {
    return this.text.startsWith(char, this.#at);
  }

  /** Consumes the text if it is next. */
  accept(text: string): boolean {
    if (!this.text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text))
      this.fail(this.atEnd ? `Missing "${text}" at the end` : `Expected "${text}" at character ${this.#at + 1}`);
  }

  /** One space between arguments. */
  space(): void {
    if (this.text.charCodeAt(this.#at) !== SPACE)
      this.fail(this.atEnd ? 'Missing arguments' : `Expected a space at character ${this.#at + 1}`);
    this.#at += 1;
  }

  /** Requires the end of the command; trailing spaces are tolerated. */
  end(): void {
    while (this.text.charCodeAt(this.#at) === SPACE) this.#at += 1;
    if (!this.atEnd) this.fail('Unknown or too many arguments');
  }

  #run(bits: number): string {
    const { text } = this;
    const start = this.#at;
    let at = start;
    while (((CLASSES[text.charCodeAt(at)] ?? 0) & bits) !== 0) at += 1;
    this.#at = at;
    return text.slice(start, at);
  }

  tag(): string {
    const tag = this.#run(TAG);
    if (tag === '' || tag.length > 256) this.fail('Invalid tag');
    return tag;
  }

  atom(what = 'an atom'): string {
    const atom = this.#run(ATOM);
    if (atom === '') this.fail(this.atEnd ? `Missing ${what}` : `Expected ${what} at character ${this.#at + 1}`);
    return atom;
  }

  /** An atom, tolerating characters that an atom may not contain but that clients send (`%`, `*`, `]`). */
  word(what: string): string {
    const word = this.#run(LIST);
    if (word === '') this.fail(this.atEnd ? `Missing ${what}` : `Expected ${what} at character ${this.#at + 1}`);
    return word;
  }

  /** An atom in capitals. */
  keyword(what = 'a keyword'): string {
    return this.atom(what).toUpperCase();
  }

  /** Digits, up to `max` (RFC 9051 numbers have 32 bits, mod-sequences 63, of which we use 53). */
  number(max = 0xffffffff): number {
    const { text } = this;
    const start = this.#at;
    let value = 0;
    for (let code = text.charCodeAt(this.#at); code >= 0x30 && code <= 0x39; code = text.charCodeAt(this.#at)) {
      value = value * 10 + (code - 0x30);
      if (value > max) this.fail(`Number too big at character ${start + 1}`);
      this.#at += 1;
    }
    if (this.#at === start) this.fail(this.atEnd ? 'Missing number' : `Expected a number at character ${start + 1}`);
    return value;
  }

  /** Quoted string or literal. */
  string(): string {
    const code = this.text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#quoted();
    if (code === BRACE) return this.#literal();
    return this.fail(this.atEnd ? 'Missing string' : `Expected a string at character ${this.#at + 1}`);
  }

  astring(): string {
    const code = this.text.charCodeAt(this.#at);
    if (code === QUOTE || code === BRACE) return this.string();
    const atom = this.#run(ASTRING);
    if (atom === '')
      this.fail(
        this.atEnd ? 'Missing argument' : `Invalid character at ${this.#at + 1}; quote the string or send a literal`,
      );
    return atom;
  }

  /** A string, or null for NIL. */
  nstring(): string | null {
    const code = this.text.charCodeAt(this.#at);
    if (code === QUOTE || code === BRACE) return this.string();
    if (this.keyword('a string or NIL') !== 'NIL') this.fail('Expected a string or NIL');
    return null;
  }

  /** A mailbox pattern of LIST: an astring that may contain wildcards. */
  listMailbox(): string {
    const code = this.text.charCodeAt(this.#at);
    if (code === QUOTE || code === BRACE) return this.string();
    const atom = this.#run(LIST);
    if (atom === '')
      this.fail(this.atEnd ? 'Missing mailbox pattern' : `Invalid character at ${this.#at + 1}; quote the pattern`);
    return atom;
  }

  #quoted(): string {
    const { text } = this;
    let from = this.#at + 1;
    let value = '';
    for (let at = from; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return value === '' ? text.slice(from, at) : value + text.slice(from, at);
      }
      if (code === BACKSLASH) {
        const next = text.charCodeAt(at + 1);
        if (next !== QUOTE && next !== BACKSLASH) this.fail('Only \\" and \\\\ may be escaped in a quoted string');
        value += text.slice(from, at);
        from = at + 1;
        at += 1;
      } else if (code === 0 || code === 0x0d || code === 0x0a) {
        this.fail('A quoted string cannot contain NUL, CR or LF; send a literal');
      }
    }
    return this.fail('Missing "\\"" at the end of a quoted string');
  }

  #literal(): string {
    const brace = this.#at;
    this.#at += 1;
    const size = this.number();
    this.accept('+');
    this.expect('}');
    this.expect('\r\n');
    const end = this.#at + size;
    if (end > this.text.length) this.fail(`Literal at character ${brace + 1} is not complete`);
    const value = this.text.slice(this.#at, end);
    if (value.includes('\0')) this.fail('A literal cannot contain NUL');
    this.#at = end;
    return value;
  }

  /** `(item item …)`; may be empty if `empty` is set. */
  list<T>(item: () => T, options: { readonly empty?: boolean } = {}): T[] {
    this.expect('(');
    return this.nested(() => {
      const items: T[] = [];
      if (options.empty === true && this.accept(')')) return items;
      for (;;) {
        items.push(item());
        if (this.accept(')')) return items;
        this.space();
      }
    });
  }

  /** Runs a recursive production, at most MAX_DEPTH levels deep. */
  nested<T>(production: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) this.fail(`Nested more than ${MAX_DEPTH} deep`);
    const value = production();
    this.#depth -= 1;
    return value;
  }
}
