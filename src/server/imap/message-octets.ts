/**
 * Octets of a message as a client sees it: the row's prefix, then the content (mail/message.ts). A span refers to them
 * without reading; short spans are read at once, long ones are streamed as the client reads.
 */
import type { Part } from '../../mail/message.ts';
import { utf8Octets } from '../../protocol/imap/format.ts';
import { locateSection, type Partial, type Section } from '../../protocol/imap/section.ts';
import type { ContentStore } from '../../store/content.ts';
import type { MessageRow } from '../../store/mailboxes.ts';

export interface Span {
  /** latin1. */
  readonly prefix: string;
  readonly content: MessageRow['content'];
  /** Offsets in the content; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

/** Longer spans are streamed. */
export const SHORT = 256 * 1024;
/** Octets of a header that are searched for its fields. */
export const MAX_HEADER = 1024 * 1024;

/** Limits on reading ahead: rows, and octets. */
const AHEAD_ROWS = 32;
export const AHEAD_OCTETS = 2 * 1024 * 1024;

/** Groups of rows that may be read at the same time; `cost` returns how many octets a row takes. */
export function* readAhead(
  rows: readonly MessageRow[],
  cost: (row: MessageRow) => number,
): IterableIterator<readonly MessageRow[]> {
  let group: MessageRow[] = [];
  let octets = 0;
  for (const row of rows) {
    const more = cost(row);
    if (group.length > 0 && (group.length >= AHEAD_ROWS || octets + more > AHEAD_OCTETS)) {
      yield group;
      group = [];
      octets = 0;
    }
    group.push(row);
    octets += more;
  }
  if (group.length > 0) yield group;
}

export const spanLength = ({ prefix, start, end }: Span): number => prefix.length + end - start;

const prefixOctets = (prefix: string): string => (/^[\x00-\x7f]*$/.test(prefix) ? prefix : utf8Octets(prefix));

/** The section is the whole message, which needs no knowledge of its parts. */
export const isWhole = ({ path, text }: Section): boolean => path.length === 0 && text === '';

/** Null if the message has no such section. `root` may be missing for the whole message alone. */
export function sectionSpan(row: MessageRow, root: Part | undefined, section: Section): Span | null {
  if (isWhole(section)) {
    const prefix = prefixOctets(row.prefix);
    return { prefix, content: row.content, start: 0, end: row.size - prefix.length };
  }
  if (root === undefined) return null;
  const range = locateSection(root, section);
  return range === null
    ? null
    : { prefix: range.trace ? prefixOctets(row.prefix) : '', content: row.content, start: range.start, end: range.end };
}

export function cutSpan(span: Span, partial: Partial | null): Span {
  if (partial === null) return span;
  const { offset, length } = partial;
  const prefix = span.prefix.slice(offset, offset + length);
  const start = Math.min(span.end, span.start + Math.max(0, offset - span.prefix.length));
  return { prefix, content: span.content, start, end: Math.min(span.end, start + length - prefix.length) };
}

/** The header as latin1, up to MAX_HEADER. */
export async function readHeader(content: ContentStore, span: Span): Promise<string> {
  const end = Math.min(span.end, span.start + MAX_HEADER);
  return span.start >= end
    ? span.prefix
    : span.prefix + (await content.read(span.content, span.start, end)).toString('latin1');
}
