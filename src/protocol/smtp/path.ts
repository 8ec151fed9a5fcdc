/**
 * The paths of MAIL and RCPT, read as forgivingly as Postfix reads them: by the rules of RFC 822, with or without angle
 * brackets, with blanks, remarks and source routes, which are dropped, and with any local part. Two addresses in one path
 * are refused. `strict` (strict_rfc821_envelopes) requires brackets and refuses whatever is not part of the address.
 *
 * Linear in the length.
 */
import { isIPv4 } from 'node:net';
import { quoteLocalPart } from '../../mail/local-part.ts';
import { endOfComment } from '../comment.ts';
import { parseDomain } from './mailbox.ts';

export interface ParsedPath {
  /** '' is the null path. Without `@domain` if the client gave no domain. */
  readonly address: string;
  /** Contains characters beyond ASCII, which require SMTPUTF8. */
  readonly unicode: boolean;
  /** The text after the path: the ESMTP parameters. */
  readonly rest: string;
}

export interface PathRules {
  readonly strict: boolean;
  /** Whether a local part may begin with `-` (allow_min_user). */
  readonly dashUser: boolean;
  /** Whether nothing may stand behind the `@` (resolve_null_domain): such an address is local. */
  readonly nullDomain: boolean;
  /** Whether an IPv4 address without brackets stands for one with them (resolve_numeric_domain). */
  readonly numericDomain: boolean;
}

/** Octets of an address; RFC 5321 section 4.5.3.1.3 requires 254. */
const MAX_ADDRESS = 1000;
const SOURCE_ROUTE = /^@[^:]*:/;

/** Parses the path at the start of `text` (after `FROM:` or `TO:`); null if there is none. */
export function parsePath(text: string, rules: PathRules): ParsedPath | null {
  const start = text.length - text.trimStart().length;
  const end = endOfToken(text, start);
  if (end === null || end === start) return null;
  const token = text.slice(start, end);
  const isBracketed = token.startsWith('<') && token.endsWith('>');
  if (rules.strict && !token.startsWith('<')) return null;
  const found = readAddress((isBracketed ? token.slice(1, -1) : token).replace(SOURCE_ROUTE, ''));
  if (found === null || (rules.strict && found.hasMore)) return null;
  const address = canonical(found.text, rules);
  return address === null || address.includes('\ufffd')
    ? null
    : { address, unicode: /[^\x00-\x7f]/.test(address), rest: text.slice(end) };
}

/** Where the token at `start` ends: the next white space outside of `<…>` and `"…"`; null if one of these is never closed. */
export function endOfToken(text: string, start: number): number | null {
  const wanted: string[] = [];
  for (let at = start; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (wanted.length === 0 && /\s/.test(character)) return at;
    if (character === '\\') at += 1;
    else if (character === wanted.at(-1)) wanted.pop();
    else if (character === '"') wanted.push('"');
    else if (character === '<') wanted.push('>');
  }
  return wanted.length === 0 ? text.length : null;
}

type Token =
  /** Of an atom, a quoted string or a domain literal: without quotes and backslashes. */
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'special'; readonly text: string }
  | { readonly kind: 'remark' };

/** A quoted string, a domain literal (both possibly unclosed), a special, an atom, white space. */
const TOKEN = /"((?:[^"\\]|\\.)*)"?|(\[(?:[^\]\\]|\\.)*)\]?|([.@:;,<>)])|((?:[^\s.@:;,<>()"[\\]|\\.)+)|[\s\\]+/gsuy;

function* tokens(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    if (text.charAt(at) === '(') {
      // One that is not closed extends to the end.
      at = endOfComment(text, at) ?? text.length;
      yield { kind: 'remark' };
      continue;
    }
    TOKEN.lastIndex = at;
    const [all, quoted, literal, special, atom] = TOKEN.exec(text) ?? [text.charAt(at)];
    at += all.length;
    if (quoted !== undefined) yield { kind: 'word', text: unescaped(quoted) };
    else if (literal !== undefined) yield { kind: 'word', text: `${unescaped(literal)}]` };
    else if (special !== undefined) yield { kind: 'special', text: special };
    else if (atom !== undefined) yield { kind: 'word', text: unescaped(atom) };
  }
}

const unescaped = (text: string): string => text.replace(/\\(.)/gsu, '$1');

/**
 * The one address in a text, without quotes; null if there are several. `hasMore`: there are remarks, words before a `<`,
 * or separators.
 */
function readAddress(text: string): { readonly text: string; readonly hasMore: boolean } | null {
  const found: string[] = [];
  let address = '';
  let hasMore = false;
  /** A word may follow words only behind a special: two in a row are two addresses. */
  let afterWord = false;
  let isClosed = false;
  for (const token of tokens(text)) {
    const special = token.kind === 'special' ? token.text : '';
    if (token.kind === 'remark') hasMore = true;
    else if (special === '>') isClosed = address !== '';
    else if (special === '<' || special === ',' || special === ';') {
      hasMore ||= special !== '<' || address !== '';
      if (special !== '<' && address !== '') found.push(address);
      address = '';
      afterWord = false;
      isClosed = false;
    } else if (isClosed || special === ')' || (afterWord && special === '')) return null;
    else {
      address += token.text;
      afterWord = special === '';
    }
  }
  if (address !== '') found.push(address);
  return found.length > 1 ? null : { text: found[0] ?? '', hasMore };
}

/** The address with its local part quoted where necessary; null if there can be no such address. */
function canonical(text: string, { strict, dashUser, nullDomain, numericDomain }: PathRules): string | null {
  if (Buffer.byteLength(text) > MAX_ADDRESS || /[\x00-\x1f\x7f]/.test(text)) return null;
  if (text === '') return '';
  const at = text.lastIndexOf('@');
  const local = at < 0 ? text : text.slice(0, at);
  if ((local.startsWith('-') && !dashUser) || (strict && text.startsWith('@'))) return null;
  const quoted = quoteLocalPart(local);
  if (at < 0) return quoted;
  if (nullDomain && text.endsWith('@')) return `${quoted}@`;
  const domain = parseDomain(text.slice(at + 1), false);
  // A final dot is shown and logged as it was given; rewriting takes it off (lookup/address-rewriting.ts).
  const end = text.endsWith('.') ? '.' : '';
  if (domain === null || !/^[\d.]+$/.test(domain)) return domain === null ? null : `${quoted}@${domain}${end}`;
  return numericDomain && isIPv4(domain) ? `${quoted}@[${domain}]` : null;
}
