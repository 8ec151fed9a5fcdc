/**
 * Values with parameters: Content-Type and Content-Disposition (RFC 2045 section 5.1), with the
 * continuations and charsets of RFC 2231. Comments are skipped; unreadable parts are ignored.
 */
import { decodeCharset, decodeLatin1 } from './charset.ts';
import { trimSpace } from './header.ts';

export type Parameters = readonly (readonly [string, string])[];

export interface ParameterizedValue {
  /** Lower case, such as `text/plain` or `attachment`; '' if missing. */
  readonly value: string;
  /** In order, names in lower case, values decoded. */
  readonly parameters: Parameters;
}

const MAX_PARAMETERS = 200;
const SKIP = /[ \t\r\n;]*/y;
const NAME = /[^ \t\r\n;=()"]+/y;
const QUOTED = /"((?:[^"\\]|\\(?:[\s\S]|$))*)"?/y;
const TOKEN = /[^ \t\r\n;()"]+/y;
/** A token (RFC 2045 section 5.1, also allowing octets beyond US-ASCII), or two separated by a slash. */
const HEAD = /[^\x00-\x20\x7f()<>@,;:\\"/[\]?=]+(?:[ \t\r\n]*\/[ \t\r\n]*[^\x00-\x20\x7f()<>@,;:\\"/[\]?=]+)?/y;

/**
 * `field` is an unfolded value in latin1. The semicolon may be missing or replaced by another character: parameters are
 * searched for in everything after the value.
 */
export function parseParameterized(field: string): ParameterizedValue {
  const text = stripComments(field);
  const head = match(HEAD, text, 0)?.[0] ?? '';
  return {
    value: head.replace(/[ \t\r\n]+/g, '').toLowerCase(),
    parameters: decodeParameters(readParameters(text, head.length)),
  };
}

/** Removes comments, including nested ones, outside quoted strings. */
export function stripComments(text: string): string {
  if (!text.includes('(')) return trimSpace(text);
  let out = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charAt(i);
    if (c === '\\') {
      if (depth === 0) out += c + text.charAt(i + 1);
      i += 1;
      continue;
    }
    if (c === '"' && depth === 0) quoted = !quoted;
    if (!quoted && c === '(') depth += 1;
    else if (!quoted && c === ')' && depth > 0) depth -= 1;
    else if (depth === 0) out += c;
  }
  return trimSpace(out);
}

function readParameters(text: string, start: number): [string, string][] {
  const raw: [string, string][] = [];
  let at = start;
  while (at < text.length && raw.length < MAX_PARAMETERS) {
    at += match(SKIP, text, at)?.[0].length ?? 0;
    const name = match(NAME, text, at)?.[0];
    if (name === undefined) {
      at += 1;
      continue;
    }
    at += name.length;
    while (isSpace(text, at)) at += 1;
    if (text[at] !== '=') continue;
    at += 1;
    while (isSpace(text, at)) at += 1;
    const quoted = match(QUOTED, text, at);
    const token = quoted === null ? match(TOKEN, text, at) : null;
    at += (quoted ?? token)?.[0].length ?? 0;
    raw.push([
      name.toLowerCase(),
      quoted === null ? (token?.[0] ?? '') : (quoted[1] ?? '').replace(/\\([\s\S])/g, '$1'),
    ]);
  }
  return raw;
}

/** One section of a value: `name*1*` is section 1, percent-encoded. */
interface Section {
  readonly index: number;
  readonly encoded: boolean;
  readonly text: string;
}

/** Joins continuations and decodes; an extended parameter takes precedence over a plain one of the same name. */
function decodeParameters(raw: readonly (readonly [string, string])[]): Parameters {
  const sections = new Map<string, Section[]>();
  const plain = new Map<string, string>();
  for (const [name, text] of raw) {
    const extended = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name);
    const base = extended?.[1] ?? name;
    if (extended === null || base === name) {
      if (!plain.has(name)) plain.set(name, text);
    } else {
      const list = sections.get(base) ?? [];
      list.push({ index: Number(extended[2] ?? 0), encoded: extended[3] === '*', text });
      sections.set(base, list);
    }
  }
  const names = new Set(raw.map(([name]) => (plain.has(name) ? name : name.replace(/\*.*$/, ''))));
  return [...names].map(
    (name) => [name, joinSections(sections.get(name)) ?? decodeLatin1(plain.get(name) ?? '')] as const,
  );
}

function joinSections(sections: Section[] | undefined): string | null {
  if (sections === undefined) return null;
  let charset = '';
  const octets = sections
    .sort((a, b) => a.index - b.index)
    .map(({ encoded, text }, i) => {
      if (!encoded) return text;
      const prefix = i === 0 ? /^([^']*)'[^']*'/.exec(text) : null;
      charset = prefix?.[1] ?? charset;
      return text
        .slice(prefix?.[0].length ?? 0)
        .replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    });
  return decodeCharset(Buffer.from(octets.join(''), 'latin1'), charset);
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

const isSpace = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '\t';
