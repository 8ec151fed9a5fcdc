/**
 * A header field with addresses, taken apart so that each can be replaced, and put together again as Postfix does it
 * (tok822(3), cleanup_fold_header): one blank between words, comments behind their address, folded before 70 characters.
 * Tolerant: what is no address stays as it is. Linear; never throws. Octets as latin1.
 */
import { endOfComment } from '../comment.ts';

export interface AddressField {
  /** `local@domain` with the quotes and the source route that are written; a domain may be missing. */
  readonly addresses: readonly string[];
  /** The field with these in their places; LF between its lines, no last line end. */
  format(addresses: readonly string[]): string;
}

type Token =
  | { readonly kind: 'word' | 'quoted' | 'literal' | 'comment'; readonly text: string }
  | { readonly kind: 'special'; readonly text: string };

/** A piece of the field as it is written: text, or the place of an address. */
type Part = { readonly kind: 'text' | 'operator'; readonly text: string } | { readonly kind: 'address' };

const NAME = /^[!-9;-~]+:/;
const SPACE = /[ \t\r\n]+/y;
const WORD = /[^ \t\r\n()<>@,;:"[\].]+/y;
/** What counts by itself in a word. */
const OPERATORS = /[!%|]|[^!%|]+/g;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"/y;
const LITERAL = /\[[^[\]\\]*\]/y;
/** The longest line that another address is put on. */
const LONGEST = 70;

/** `limit`: of words, comments and characters between them; the field ends there, as Postfix reads it. */
export function parseAddressField(field: string, limit = Number.POSITIVE_INFINITY): AddressField {
  const name = NAME.exec(field)?.[0] ?? '';
  const { parts, addresses } = new Grouping(tokensOf(field.slice(name.length), limit)).run();
  return { addresses, format: (given) => folded(`${name} ${written(parts, given)}`) };
}

function tokensOf(text: string, limit: number): Token[] {
  const tokens: Token[] = [];
  const lastQuote = text.lastIndexOf('"');
  /** A quote that is not closed: others behind it are not tried, or many would take quadratic time. */
  let open = false;
  const match = (pattern: RegExp, at: number): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0];
  };
  for (let at = 0, left = limit; at < text.length && left > 0; ) {
    const c = text.charAt(at);
    let token: Token = { kind: 'special', text: c };
    const word = match(WORD, at);
    const space = word === undefined ? match(SPACE, at) : undefined;
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    left -= 1;
    if (word !== undefined) {
      const pieces = word.match(OPERATORS) ?? [];
      token = { kind: 'word', text: pieces.slice(0, left + 1).join('') };
      left -= pieces.length - 1;
    }
    // A comment that is not closed goes to the end.
    else if (c === '(') token = { kind: 'comment', text: text.slice(at, endOfComment(text, at) ?? undefined) };
    else if (c === '[') token = { kind: 'literal', text: match(LITERAL, at) ?? c };
    else if (c === '"') {
      const quoted: string | undefined = open || at === lastQuote ? undefined : match(QUOTED, at);
      open ||= quoted === undefined;
      if (quoted !== undefined) token = { kind: 'quoted', text: quoted };
    }
    tokens.push(token);
    at += token.text.length;
  }
  return tokens.filter(({ kind, text: one }) => kind !== 'special' || one !== '"');
}

/** Finds the addresses among the tokens. */
class Grouping {
  readonly #tokens: readonly Token[];
  readonly #parts: Part[] = [];
  readonly #addresses: string[] = [];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  run(): { readonly parts: readonly Part[]; readonly addresses: readonly string[] } {
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at];
      if (token?.kind === 'special' && (token.text === ',' || token.text === ';')) {
        this.#operator(token.text);
        this.#at += 1;
        continue;
      }
      const before = this.#parts.at(-1);
      if (before !== undefined && !(before.kind === 'operator' && (before.text === ',' || before.text === ':')))
        this.#operator(',');
      this.#member();
    }
    return { parts: this.#parts, addresses: this.#addresses };
  }

  #operator(text: string): void {
    this.#parts.push({ kind: 'operator', text });
  }

  #text(text: string): void {
    this.#parts.push({ kind: 'text', text });
  }

  /** Up to the next comma, semicolon, or the colon of a group. */
  #member(): void {
    const end = this.#end();
    const open = this.#find('<', end);
    const close = open < 0 ? -1 : this.#find('>', end, open);
    if (close >= 0) {
      for (const token of this.#tokens.slice(this.#at, open)) this.#phrase(token);
      this.#operator('<');
      const inner = this.#tokens.slice(open + 1, close);
      this.#address(inner.filter(({ kind }) => kind !== 'comment'));
      for (const { text } of inner.filter(({ kind }) => kind === 'comment')) this.#text(text);
      this.#operator('>');
      this.#at = close + 1;
      this.#comments(end);
    } else if (this.#tokens[end]?.text === ':' && this.#tokens[end]?.kind === 'special') {
      for (const token of this.#tokens.slice(this.#at, end)) this.#phrase(token);
      this.#operator(':');
      this.#at = end + 1;
    } else {
      this.#bare(this.#tokens.slice(this.#at, end).filter(({ text, kind }) => kind !== 'special' || text !== '<'));
      this.#at = end;
    }
  }

  #phrase({ kind, text }: Token): void {
    if (kind === 'special') this.#operator(text);
    else this.#text(text);
  }

  #comments(end: number): void {
    for (; this.#at < end && this.#tokens[this.#at]?.kind === 'comment'; this.#at += 1)
      this.#text(this.#tokens[this.#at]?.text ?? '');
  }

  /** Addresses without brackets: two words that nothing joins are two addresses. */
  #bare(tokens: readonly Token[]): void {
    const plain = tokens.filter(({ kind }) => kind !== 'comment');
    let run: Token[] = [];
    const flush = (): void => {
      if (run.length > 0) this.#address(run);
      run = [];
    };
    for (const token of plain) {
      if (token.kind === 'special' && token.text === '>') {
        flush();
        this.#operator('>');
        continue;
      }
      const before = run.at(-1);
      if (before !== undefined && before.kind !== 'special' && token.kind !== 'special') {
        flush();
        this.#operator(',');
      }
      run.push(token);
    }
    flush();
    for (const { kind, text } of tokens) if (kind === 'comment') this.#text(text);
  }

  #address(tokens: readonly Token[]): void {
    const at = tokens.findLastIndex(({ kind, text }) => kind === 'special' && text === '@');
    const local = at < 0 ? tokens : tokens.slice(0, at);
    if (local.length === 0) {
      if (tokens.length > 0) this.#text(tokens.map(({ text }) => text).join(''));
      return;
    }
    this.#parts.push({ kind: 'address' });
    this.#addresses.push(tokens.map(({ text }) => text).join(''));
  }

  /** Where this member ends: a comma or semicolon that is not in brackets, or the colon of a group. */
  #end(): number {
    const close = this.#bracket();
    for (let at = this.#at; at < this.#tokens.length; at += 1) {
      const token = this.#tokens[at];
      if (token?.kind !== 'special') continue;
      if (token.text === '<' && close > at) at = close;
      else if (token.text === ',' || token.text === ';' || token.text === ':') return at;
    }
    return this.#tokens.length;
  }

  /** The bracket that closes the first one, if no other is opened before; -1 if there is none. */
  #bracket(): number {
    for (let at = this.#at, open = false; at < this.#tokens.length; at += 1) {
      const token = this.#tokens[at];
      if (token?.kind !== 'special') continue;
      if (token.text === '>') return open ? at : -1;
      if (token.text === '<' && open) return -1;
      if (token.text === '<') open = true;
      else if (!open && (token.text === ',' || token.text === ';' || token.text === ':')) return -1;
    }
    return -1;
  }

  #find(text: string, end: number, from = this.#at): number {
    for (let at = from; at < end; at += 1)
      if (this.#tokens[at]?.kind === 'special' && this.#tokens[at]?.text === text) return at;
    return -1;
  }
}

/** The parts with the addresses; a line end behind each comma. */
function written(parts: readonly Part[], addresses: readonly string[]): string {
  let out = '';
  let next = 0;
  for (const [i, part] of parts.entries()) {
    if (part.kind === 'address') {
      out += addresses[next] ?? '';
      next += 1;
    } else out += part.text;
    out += gapBetween(part, parts[i + 1]);
  }
  return out;
}

function gapBetween(part: Part, next: Part | undefined): string {
  if (part.kind === 'operator' && part.text === ',') return '\n';
  if (next === undefined) return '';
  if (part.kind === 'operator' && part.text === ':') return ' ';
  if (next.kind === 'operator' && next.text === '<') return ' ';
  return part.kind !== 'operator' && next.kind !== 'operator' ? ' ' : '';
}

/** Puts as many addresses on a line as fit. */
function folded(text: string): string {
  const lines: string[] = [];
  for (const one of text.split('\n')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + one.length < LONGEST) lines[lines.length - 1] = `${line} ${one}`;
    else lines.push(one);
  }
  return lines.join('\n\t');
}
