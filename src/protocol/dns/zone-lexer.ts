/**
 * Splits a master file into tokens (RFC 1035 section 5.1): quotes, escapes, comments, and parentheses that
 * continue a record over several lines. Returns one entry at a time; a fault ends its entry, not the file.
 */

import type { Token } from './presentation.ts';

export interface Entry {
  /** First and last line of the entry, counted from 1. */
  readonly line: number;
  readonly lastLine: number;
  /** The line begins with white space: the owner is that of the previous entry. */
  readonly blankOwner: boolean;
  readonly tokens: readonly Token[];
  /** Why the tokens cannot be read, or null. */
  readonly fault: string | null;
}

/** Maximum octets and tokens of one entry: more cannot be a record, whose data has at most 65,535 octets. */
const MAX_ENTRY = 1024 * 1024;

/** A word, a quoted text, and what separates them; an escaped character has no special meaning. */
const WORD = /(?:\\[^\n]|[^\s"();\\\0])+/y;
const QUOTED = /"((?:\\[^\n]|[^"\\\n])*)"/y;

/** Errors for characters that cannot start a word. */
const UNREADABLE: Readonly<Record<string, string>> = {
  '"': 'unbalanced quotes: a quoted text must end on the same line',
  '\0': 'syntax error: NUL octets are not allowed',
};

/** `text` has one octet per character. */
export function* readEntries(text: string): Generator<Entry, void, void> {
  const lexer = new Lexer(text);
  for (;;) {
    const entry = lexer.entry();
    if (entry === null) return;
    if (entry.tokens.length > 0 || entry.fault !== null) yield entry;
  }
}

class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next line, or several lines joined by parentheses; null at the end. */
  entry(): Entry | null {
    if (this.#at >= this.#text.length) return null;
    const start = this.#at;
    const line = this.#line;
    const first = this.#text[start];
    const blankOwner = first === ' ' || first === '\t';
    const tokens: Token[] = [];
    let depth = 0;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined)
        return this.#done(line, blankOwner, tokens, depth > 0 ? 'unbalanced parentheses: ( was never closed' : null);
      if (this.#at - start > MAX_ENTRY)
        return this.#skip(line, blankOwner, tokens, 'the entry is too long: over a megabyte');
      if (char === '\n') {
        this.#at += 1;
        this.#line += 1;
        if (depth === 0) return this.#done(line, blankOwner, tokens, null, this.#line - 1);
      } else if (char === ';') {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else if (char === '(') {
        depth += 1;
        this.#at += 1;
      } else if (char === ')') {
        if (depth === 0) return this.#skip(line, blankOwner, tokens, 'unbalanced parentheses: ) without (');
        depth -= 1;
        this.#at += 1;
      } else if (/\s/.test(char)) {
        this.#at += 1;
      } else {
        const token = this.#word(char);
        if (token === null) {
          return this.#skip(
            line,
            blankOwner,
            tokens,
            UNREADABLE[char] ?? 'a backslash must be followed by a character',
          );
        }
        tokens.push(token);
      }
    }
  }

  #word(char: string): Token | null {
    const pattern = char === '"' ? QUOTED : WORD;
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return null;
    this.#at = pattern.lastIndex;
    return { text: found[1] ?? found[0], quoted: char === '"', line: this.#line };
  }

  #done(
    line: number,
    blankOwner: boolean,
    tokens: readonly Token[],
    fault: string | null,
    lastLine = this.#line,
  ): Entry {
    return { line, lastLine, blankOwner, tokens, fault };
  }

  /** Skips to the end of the line, so that the next entry can be read. */
  #skip(line: number, blankOwner: boolean, tokens: readonly Token[], fault: string): Entry {
    const at = this.#line;
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end < 0 ? this.#text.length : end + 1;
    this.#line += 1;
    return this.#done(line, blankOwner, tokens, fault, at);
  }
}
