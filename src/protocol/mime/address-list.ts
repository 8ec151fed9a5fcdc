/**
 * Address lists in From, To and similar fields (RFC 5322 section 3.4 with the obsolete syntax of 4.4).
 *
 * Accepts comments, quoted strings, groups, source routes and white space in odd places; after a syntax
 * error, skips to the next comma. Never throws; one pass, no recursion.
 */

import { endOfComment } from '../comment.ts';
import { trimSpace } from './header.ts';

export interface Mailbox {
  /**
   * Display name without quotes, encoded-words not decoded; for a bare address, the comment after it.
   */
  readonly name: string | null;
  /** Source route `@a,@b` (obsolete), or null. */
  readonly route: string | null;
  /** Local part without quotes, and domain; '' if missing. */
  readonly local: string;
  readonly domain: string;
}

export interface Group {
  readonly group: string;
  readonly members: readonly Mailbox[];
}

export type AddressListEntry = Mailbox | Group;

export const isGroup = (entry: AddressListEntry): entry is Group => 'group' in entry;

/** `text` is a field's value in latin1, folded or not. */
export function parseAddressList(text: string): AddressListEntry[] {
  return new AddressListParser(text).list();
}

/** Further addresses are ignored: an ENVELOPE must not become much larger than the header. */
const MAX_ADDRESSES = 10_000;

/** A run of characters without special meaning, including the dot, which occurs unquoted in names. */
const ATOM = /[^ \t\r\n()<>[\]:;@\\,"]+/y;
const SPACE = /[ \t\r\n]+/y;
const QUOTED = /"((?:[^"\\]|\\(?:[\s\S]|$))*)"?/y;
const LITERAL = /\[[^[\]\\]{0,255}\]/y;
const ROUTE = /(@[^:<>"()]{0,1000}):/y;

class AddressListParser {
  readonly #text: string;
  #at = 0;
  /** The last comment skipped since this was cleared. */
  #comment: string | null = null;
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  list(): AddressListEntry[] {
    const entries: AddressListEntry[] = [];
    let members: Mailbox[] | null = null;
    for (;;) {
      this.#skipSpace();
      const c = this.#text[this.#at];
      if (c === undefined || this.#count >= MAX_ADDRESSES) return entries;
      if (c === ',' || c === ';') {
        this.#at += 1;
        if (c === ';') members = null;
        continue;
      }
      this.#comment = null;
      this.#count += 1;
      const words = this.#words();
      const next = this.#text[this.#at];
      if (next === ':') {
        this.#at += 1;
        members = [];
        entries.push({ group: words.join(' '), members });
      } else {
        const before = this.#at;
        const mailbox = this.#mailbox(words, next);
        if (mailbox !== null) (members ?? entries).push(mailbox);
        this.#skipToComma();
        if (this.#at === before && words.length === 0) this.#at += 1;
      }
    }
  }

  #mailbox(words: readonly string[], next: string | undefined): Mailbox | null {
    if (next === '<') {
      this.#at += 1;
      return this.#angle(words.join(' ') || null);
    }
    if (next === '@') {
      this.#at += 1;
      const domain = this.#domain();
      return this.#named({ route: null, local: words.join(''), domain });
    }
    const [only] = words;
    if (only === undefined) return null;
    if (words.length === 1 && only !== '' && !only.includes(' '))
      return this.#named({ route: null, local: only, domain: '' });
    return { name: words.join(' '), route: null, local: '', domain: '' };
  }

  /** A bare address may be followed by the owner's name in a comment. */
  #named(address: Omit<Mailbox, 'name'>): Mailbox {
    this.#skipSpace();
    return { name: this.#comment, ...address };
  }

  #angle(name: string | null): Mailbox {
    this.#skipSpace();
    const route = this.#match(ROUTE)?.[1]?.replace(/[ \t\r\n]+/g, '') ?? null;
    const local = this.#words().join('');
    let domain = '';
    if (this.#text[this.#at] === '@') {
      this.#at += 1;
      domain = this.#domain();
    }
    return { name, route, local, domain };
  }

  /** Atoms and quoted strings up to a special character; skips stray characters of a syntax error. */
  #words(): string[] {
    const words: string[] = [];
    for (;;) {
      this.#skipSpace();
      const c = this.#text[this.#at];
      if (c === '"') {
        words.push(unescapeQuoted(this.#match(QUOTED)?.[1] ?? ''));
      } else if (c === ')' || c === ']' || c === '[' || c === '\\') {
        this.#at += 1;
      } else {
        const atom = this.#match(ATOM)?.[0];
        if (atom === undefined) return words;
        words.push(atom);
      }
    }
  }

  #domain(): string {
    this.#skipSpace();
    if (this.#text[this.#at] === '[') return this.#match(LITERAL)?.[0] ?? '';
    let domain = '';
    for (;;) {
      this.#skipSpace();
      const joins = domain === '' || domain.endsWith('.') || this.#text[this.#at] === '.';
      const atom = joins ? this.#match(ATOM)?.[0] : undefined;
      if (atom === undefined) return domain;
      domain += atom;
    }
  }

  #skipToComma(): void {
    for (;;) {
      this.#skipSpace();
      const c = this.#text[this.#at];
      if (c === undefined || c === ',' || c === ';') return;
      if (c === '"') this.#match(QUOTED);
      else if (this.#match(ATOM) === null) this.#at += 1;
    }
  }

  /** Skips white space and comments, which may be nested (RFC 5322 section 3.2.2). */
  #skipSpace(): void {
    for (;;) {
      this.#match(SPACE);
      if (this.#text[this.#at] !== '(') return;
      this.#comment = this.#readComment();
    }
  }

  #readComment(): string {
    const start = this.#at + 1;
    const end = endOfComment(this.#text, this.#at);
    this.#at = end ?? this.#text.length;
    return trimSpace(end === null ? this.#text.slice(start) : unescapeQuoted(this.#text.slice(start, end - 1)));
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }
}

const unescapeQuoted = (text: string): string => (text.includes('\\') ? text.replace(/\\([\s\S])/g, '$1') : text);
