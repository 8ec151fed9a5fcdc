/**
 * The presentation format of record data, token by token (RFC 1035 section 5.1).
 * Errors quote the token and say what was expected; the zone file reader adds file and line.
 */

import { type DomainName, NameError, parseName, readEscape } from './name.ts';

export interface Token {
  /** As written, including escapes, without quotes; one octet per character. */
  readonly text: string;
  readonly quoted: boolean;
  /** Line in its file, counted from 1; absent if it is not from a file. */
  readonly line?: number;
}

/** Invalid record data. */
export class PresentationError extends Error {
  override readonly name = 'PresentationError';
  /** The line of the invalid token. */
  readonly line: number | undefined;
  constructor(message: string, line?: number) {
    super(message);
    this.line = line;
  }
}

/** The tokens of one record's data, consumed from left to right. */
export class Tokens {
  readonly #tokens: readonly Token[];
  /** The origin of relative names; null: treat them as absolute. */
  readonly origin: DomainName | null;
  #at = 0;

  constructor(tokens: readonly Token[], origin: DomainName | null) {
    this.#tokens = tokens;
    this.origin = origin;
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  /** `expected` completes the sentence "expected …". */
  next(expected: string): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new PresentationError(`near eol: unexpected end of input, expected ${expected}`);
    this.#at += 1;
    return token;
  }

  rest(): readonly Token[] {
    const rest = this.#tokens.slice(this.#at);
    this.#at = this.#tokens.length;
    return rest;
  }

  domain(expected: string): DomainName {
    const token = this.next(expected);
    try {
      return parseName(token.text, this.origin);
    } catch (error) {
      if (error instanceof NameError) throw near(token, error.message, expected);
      throw error;
    }
  }

  number(max: number, expected: string): number {
    const token = this.next(expected);
    const value = /^[0-9]{1,20}$/.test(token.text) ? Number(token.text) : Number.NaN;
    if (Number.isNaN(value)) throw near(token, 'not a valid number', expected);
    if (value > max) throw near(token, `out of range: at most ${max}`, expected);
    return value;
  }
}

export const near = (token: Token, problem: string, expected: string): PresentationError =>
  new PresentationError(`near '${token.text.slice(0, 64)}': ${problem}, expected ${expected}`, token.line);

/** The octets of a token, unescaped. */
export function octetsOf(token: Token): number[] {
  const octets: number[] = [];
  for (let i = 0; i < token.text.length; ) {
    if (token.text[i] !== '\\') {
      octets.push(token.text.charCodeAt(i) & 0xff);
      i += 1;
      continue;
    }
    try {
      const read = readEscape(token.text, i);
      octets.push(read.octet);
      i = read.next;
    } catch (error) {
      if (error instanceof NameError) throw near(token, error.message, 'a text');
      throw error;
    }
  }
  return octets;
}

/** A text in double quotes, formatted as BIND prints it. */
export function quote(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`;
    else if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`;
    else text += String.fromCharCode(octet);
  }
  return `"${text}"`;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { w: 604800, d: 86400, h: 3600, m: 60, s: 1 };

/** Longest TTL, seconds (RFC 2181 section 8). */
export const MAX_TTL = 0x7fffffff;

/**
 * Seconds of `3600`, `1D`, `1w2d3h`; null if it is not a time.
 * May exceed MAX_TTL, which callers check.
 */
export function parseTtl(text: string): number | null {
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  if (!/^(?:[0-9]{1,10}[wdhms])+$/i.test(text)) return null;
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)([wdhms])/gi))
    seconds += Number(count) * (UNIT_SECONDS[(unit ?? 's').toLowerCase()] ?? 1);
  return seconds;
}
