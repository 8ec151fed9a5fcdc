/**
 * Sections of a message (RFC 9051 section 6.4.5.1): `BODY[1.2.HEADER.FIELDS (DATE)]<0.100>`, and
 * the position of their octets in the content, from the message's Part tree.
 */
import type { Part } from '../../mail/message.ts';
import { isMessage, partsOf } from '../mime/structure.ts';
import { formatAstring } from './format.ts';
import type { Scanner } from './scanner.ts';

export interface Section {
  /** Part numbers, outermost first; empty for the message itself. */
  readonly path: readonly number[];
  /** '' is the entire part (or message). */
  readonly text: '' | 'HEADER' | 'HEADER.FIELDS' | 'HEADER.FIELDS.NOT' | 'TEXT' | 'MIME';
  /** Names in capitals, for HEADER.FIELDS and HEADER.FIELDS.NOT. */
  readonly fields: readonly string[];
}

export interface Partial {
  readonly offset: number;
  readonly length: number;
}

const MAX_FIELDS = 200;

/** Parses `[…]`, after `BODY`. */
export function parseSection(scanner: Scanner): Section {
  scanner.expect('[');
  const path: number[] = [];
  let text: Section['text'] = '';
  let fields: readonly string[] = [];
  while (!scanner.sees(']')) {
    if (path.length > 0) scanner.expect('.');
    if (/^\d/.test(scanner.text.charAt(scanner.position))) {
      const number = scanner.number();
      if (number === 0) scanner.fail('Part numbers start at 1');
      path.push(number);
      if (path.length > 200) scanner.fail('Too many part numbers');
      continue;
    }
    text = sectionText(scanner, path.length > 0);
    if (text === 'HEADER.FIELDS' || text === 'HEADER.FIELDS.NOT') {
      scanner.space();
      fields = scanner.list(() => scanner.astring().toUpperCase());
      if (fields.length > MAX_FIELDS) scanner.fail('Too many header fields');
    }
    break;
  }
  scanner.expect(']');
  return { path, text, fields };
}

function sectionText(scanner: Scanner, inPart: boolean): Section['text'] {
  const name = scanner.keyword('a section');
  switch (name) {
    case 'HEADER':
    case 'HEADER.FIELDS':
    case 'HEADER.FIELDS.NOT':
    case 'TEXT':
      return name;
    case 'MIME':
      return inPart ? name : scanner.fail('MIME needs a part number');
    default:
      return scanner.fail(`Unknown section ${name.slice(0, 40)}`);
  }
}

/** Parses `<offset.length>` if it is next. */
export function parsePartial(scanner: Scanner): Partial | null {
  if (!scanner.accept('<')) return null;
  const offset = scanner.number(Number.MAX_SAFE_INTEGER);
  scanner.expect('.');
  const length = scanner.number(Number.MAX_SAFE_INTEGER);
  scanner.expect('>');
  return length === 0 ? scanner.fail('A partial cannot have length 0') : { offset, length };
}

/** The text in the brackets of the response. */
export function formatSection({ path, text, fields }: Section): string {
  const names = fields.length === 0 ? '' : ` (${fields.map(formatAstring).join(' ')})`;
  return [...path, ...(text === '' ? [] : [text + names])].join('.');
}

/** Octets of the content; `trace`: preceded by the row's prefix. */
export interface SectionRange {
  readonly start: number;
  readonly end: number;
  readonly trace: boolean;
}

/** Locates a section, HEADER.FIELDS like HEADER; null if the message has no such part. */
export function locateSection(root: Part, { path, text }: Section): SectionRange | null {
  if (path.length === 0) {
    if (text === 'TEXT') return { start: root.bodyStart, end: root.bodyEnd, trace: false };
    return { start: root.headerStart, end: text === '' ? root.bodyEnd : root.bodyStart, trace: true };
  }
  const part = locatePart(root, path);
  if (part === null) return null;
  if (text === '') return { start: part.bodyStart, end: part.bodyEnd, trace: false };
  if (text === 'MIME') return { start: part.headerStart, end: part.bodyStart, trace: part === root };
  const message = isMessage(part) ? partsOf(part)[0] : undefined;
  if (message === undefined) return null;
  return text === 'TEXT'
    ? { start: message.bodyStart, end: message.bodyEnd, trace: false }
    : { start: message.headerStart, end: message.bodyStart, trace: false };
}

/**
 * The part with these numbers. A message that is not a multipart has one part, number 1: its body.
 * A number after that of a message/rfc822 refers to the enclosed message.
 */
function locatePart(root: Part, path: readonly number[]): Part | null {
  let entity = root;
  let part: Part | null = null;
  for (const number of path) {
    if (part !== null) {
      const enclosed: Part | undefined = isMessage(part) ? partsOf(part)[0] : part;
      if (enclosed === undefined || (enclosed === part && part.type !== 'multipart')) return null;
      entity = enclosed;
    }
    const next: Part | undefined =
      entity.type === 'multipart' ? partsOf(entity)[number - 1] : number === 1 ? entity : undefined;
    if (next === undefined) return null;
    part = next;
  }
  return part;
}
