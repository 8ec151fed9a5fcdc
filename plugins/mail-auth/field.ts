/** The field Authentication-Results (RFC 8601), written and read. */
import { endOfComment } from '../../src/protocol/comment.ts';
import type { Row } from './results.ts';

/** RFC 2045 section 5.1. */
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;
/** RFC 8601 section 2.2: pvalue, in the form that needs no quotes. */
const ADDRESS = /^[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]*@[A-Za-z0-9.-]+$/;
const LONGEST_VALUE = 320;
const LONGEST_COMMENT = 200;

/** Its value in one line. Whatever the message says is quoted, shortened and of printable US-ASCII. */
export const resultsField = (id: string, rows: readonly Row[]): string =>
  [valueText(id), ...(rows.length === 0 ? ['none'] : rows.map(rowText))].join('; ');

function rowText({ method, result, comment = '', properties }: Row): string {
  const words = [`${method}=${result}`];
  if (comment !== '') words.push(`(${printable(comment, LONGEST_COMMENT).replace(/[\\()]/g, '?')})`);
  for (const [name, value] of properties) if (value !== '') words.push(`${name}=${valueText(value)}`);
  return words.join(' ');
}

/** As a word of a field, quoted where it must be. */
export function valueText(value: string): string {
  const text = printable(value, LONGEST_VALUE);
  return TOKEN.test(text) || ADDRESS.test(text) ? text : `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

const printable = (text: string, longest: number): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, longest);

/**
 * Whether a field that came with a message claims to be ours (RFC 8601 section 5): its authserv-id is `id` in any case,
 * quoted or not, whatever comments and blanks stand before it. One that cannot be read claims it if it has the id anywhere
 * before its first semicolon.
 */
export function claims(value: string, id: string): boolean {
  const wanted = id.toLowerCase();
  const found = firstWord(value);
  if (found !== null) return withoutDot(found.toLowerCase()) === withoutDot(wanted);
  return value.split(';', 1).join('').toLowerCase().includes(wanted);
}

const withoutDot = (name: string): string => (name.endsWith('.') ? name.slice(0, -1) : name);

/** Null where neither a token nor a whole quoted string stands first. */
function firstWord(value: string): string | null {
  let at = 0;
  for (;;) {
    while (/[\s]/.test(value.charAt(at))) at += 1;
    if (value.charAt(at) !== '(') break;
    const end = endOfComment(value, at);
    if (end === null) return null;
    at = end;
  }
  const rest = value.slice(at, at + 2_000);
  const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(rest);
  if (quoted !== null) return (quoted[1] ?? '').replace(/\\(.)/gs, '$1');
  return /^[^\s;()"]+/.exec(rest)?.[0] ?? null;
}
