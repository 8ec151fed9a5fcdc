/** What WildDuck keeps of a message for its HTTP API and for SEARCH (lib/message-handler.js; indexer.js, `getMaildata`). */

import type { Part } from '../../mail/message.ts';
import { decodeWords } from '../../protocol/mime/encoded-word.ts';
import { parseFields, unfold } from '../../protocol/mime/header.ts';
import { decodedText, stripMarkup } from '../../protocol/mime/text.ts';
import { isInlineText } from './tree.ts';

export interface MessageTexts {
  readonly text: string;
  /** Behind the part of the text that is indexed. */
  readonly textFooter: string;
  readonly html: readonly string[];
  /** The first words. */
  readonly intro: string;
}

/** lib/consts.js: characters that are indexed, and kept. */
const INDEXED = 1024;
const KEPT = 100 * 1024;
const KEPT_HTML = 640 * 1024;
/** Octets of a part that are decoded. */
const DECODED = 1024 * 1024;
const INTRO = 128;

/** `cids`: the attachment of each Content-Id, without angle brackets. */
export function textsOf(octets: Buffer, root: Part, cids: ReadonlyMap<string, string>): MessageTexts {
  const texts: string[] = [];
  const html: string[] = [];
  for (const { part, alternative } of textParts(root, false)) {
    const decoded = decodedText(
      part,
      octets.subarray(part.bodyStart, Math.min(part.bodyEnd, part.bodyStart + DECODED)),
    ).trim();
    if (part.subtype === 'html') html.push(decoded);
    else texts.push(decoded);
    if (part.subtype === 'html' && !alternative) texts.push(stripMarkup(decoded).trim());
    if (part.subtype !== 'html' && !alternative) html.push(asHtml(decoded));
  }
  const linked = (text: string): string =>
    text.replace(/\bcid:([^\s"']+)/g, (link, cid: string) => {
      const id = cids.get(cid);
      return id === undefined ? link : `attachment:${id}`;
    });
  const text = linked(texts.filter((each) => each !== '').join('\n'))
    .replaceAll('\r\n', '\n')
    .slice(0, KEPT);
  return {
    text: text.slice(0, INDEXED),
    textFooter: text.slice(INDEXED),
    html: html.filter((each) => each !== '').map((each) => linked(each).slice(0, KEPT_HTML)),
    intro: introOf(text),
  };
}

function* textParts(part: Part, alternative: boolean): Generator<{ part: Part; alternative: boolean }> {
  if (isInlineText(part) && part.bodyEnd > part.bodyStart) yield { part, alternative };
  if (part.type !== 'multipart') return;
  for (const child of part.parts) yield* textParts(child, alternative || part.subtype === 'alternative');
}

function introOf(text: string): string {
  const words = text.slice(0, 2048).replace(/^>.*$/gm, '').replace(/\s+/g, ' ').trim();
  if (words.length <= INTRO) return words;
  const end = words.lastIndexOf(' ', INTRO);
  return `${words.slice(0, end < 0 ? INTRO : end)}…`;
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const asHtml = (text: string): string =>
  text === '' ? '' : `<p>${text.replace(/[&<>"]/g, (c) => ESCAPES[c] ?? c).replace(/\r?\n/g, '<br/>')}</p>`;

/** Fields that SEARCH HEADER finds by an index. */
const INDEXED_FIELDS: ReadonlySet<string> = new Set([
  'to',
  'cc',
  'subject',
  'from',
  'sender',
  'reply-to',
  'message-id',
  'thread-index',
  'list-id',
  'delivered-to',
]);
/** Octets of a value in the index. */
const LONGEST_VALUE = 880;

export function indexedHeaders(header: readonly string[]): { readonly key: string; readonly value: string }[] {
  return parseFields(header.map((line) => `${line}\r\n`).join('')).flatMap(({ name, value }) => {
    const key = name.toLowerCase();
    if (!INDEXED_FIELDS.has(key)) return [];
    const text = decodeWords(unfold(value)).toLowerCase();
    const named = key === 'list-id' ? (/<([^>]+)/.exec(text)?.[1]?.trim() ?? text) : text;
    return [
      {
        key,
        value: Buffer.from(named)
          .subarray(0, LONGEST_VALUE)
          .toString()
          .replace(/\ufffd+$/, ''),
      },
    ];
  });
}
