/**
 * What a message is judged by: the words of its text and subject, who sends it by which host, and where its links lead.
 * Text is decoded from its transfer encoding and charset; what is read and kept is bounded.
 */
import type { Part } from '../../src/mail/message.ts';
import { isGroup, parseAddressList } from '../../src/protocol/mime/address-list.ts';
import { decodeWords } from '../../src/protocol/mime/encoded-word.ts';
import { type Header, parseHeader } from '../../src/protocol/mime/header.ts';
import { encodeHeaderText } from '../../src/protocol/mime/header-text.ts';
import { indexMessage } from '../../src/protocol/mime/indexer.ts';
import { decodedText, stripMarkup } from '../../src/protocol/mime/text.ts';
import { wordsOf } from './words.ts';

/** Octets of a message that are read. */
export const MOST_OCTETS = 256 * 1024;
/** Characters of its text. */
const MOST_TEXT = 64 * 1024;
const MOST_PARTS = 50;
const MOST_LINKS = 50;
/** Words of a message, and of them those that are not of its text. */
const MOST_WORDS = 1000;
const MOST_HEADER_WORDS = 200;
const LONGEST_FIELD = 2000;

/** Who sent it to us. */
export interface Client {
  readonly ip: string;
  /** `unknown` where it has none. */
  readonly name: string;
}

/** Words by their numbers: each once. */
export type Evidence = ReadonlyMap<number, string>;

/** `client`: null if the message says it, in the `Received` line that this server put on top. */
export function evidenceOf(octets: Uint8Array, client: Client | null): Evidence {
  const header = parseHeader(octets);
  const evidence = new Map<number, string>();
  const add = (words: Iterable<string>, most: number): void => {
    for (const word of words) {
      if (evidence.size >= most) return;
      evidence.set(numberOf(word), word);
    }
  };
  const { root } = indexMessage(octets);
  const parts = leavesOf(root);
  add(headerWords(header, client ?? clientOf(header)), MOST_HEADER_WORDS);
  add(parts.flatMap(partWords), MOST_HEADER_WORDS);
  const texts = textsOf(parts, octets);
  add(texts.flatMap(linkWords), MOST_HEADER_WORDS + 2 * MOST_LINKS);
  for (const text of texts) add(wordsOf(stripMarkup(text)), MOST_WORDS);
  return evidence;
}

function* headerWords(header: Header, client: Client | null): Generator<string> {
  const octets = (name: string): string =>
    encodeHeaderText((header.get(name) ?? '').slice(0, LONGEST_FIELD)).toString('latin1');
  for (const word of wordsOf(decodeWords(octets('Subject')))) yield `subject:${word}`;
  const [from, replyTo] = ['From', 'Reply-To'].map((name) => senderOf(octets(name)));
  if (from !== undefined) {
    for (const word of wordsOf(from.name)) yield `from:${word}`;
    for (const domain of domainsOf(from.domain)) yield `from:@${domain}`;
  }
  if (replyTo !== undefined && replyTo.domain !== from?.domain) yield 'reply-to:elsewhere';
  if (header.get('List-Id') !== null) yield 'list-id';
  if (client === null) return;
  yield `client:${networkOf(client.ip)}`;
  for (const domain of client.name === 'unknown' ? ['unknown'] : domainsOf(client.name)) yield `client:${domain}`;
}

/** The first address; undefined if there is none. `field`: in latin1. */
function senderOf(field: string): { readonly name: string; readonly domain: string } | undefined {
  const [first] = parseAddressList(field);
  if (first === undefined || isGroup(first)) return undefined;
  return { name: decodeWords(first.name ?? ''), domain: first.domain.toLowerCase() };
}

/** `mx.shop.example.com`, and the last two labels. */
const domainsOf = (name: string): string[] => {
  const domain = name.toLowerCase().replace(/\.$/, '').slice(0, 100);
  return domain === '' ? [] : [...new Set([domain, domain.split('.').slice(-2).join('.')])];
};

/** The first 24 bits of IPv4, the first three groups of IPv6. */
const networkOf = (ip: string): string =>
  ip.includes(':') ? ip.split(':').slice(0, 3).join(':') : ip.split('.').slice(0, 3).join('.');

/** As this server writes its `Received` lines (RFC 5321 section 4.4). */
const RECEIVED = /^from \S+ \((\S{1,255}) \[(?:IPv6:)?([0-9a-f.:]{2,45})\]\)/i;

function clientOf(header: Header): Client | null {
  const [, name, ip] = RECEIVED.exec(header.get('Received') ?? '') ?? [];
  return name === undefined || ip === undefined ? null : { name, ip };
}

function leavesOf(root: Part): Part[] {
  const leaves: Part[] = [];
  const walk = (part: Part): void => {
    if (leaves.length >= MOST_PARTS) return;
    if (part.parts.length === 0) leaves.push(part);
    for (const child of part.parts) walk(child);
  };
  walk(root);
  return leaves;
}

const parameterOf = (parameters: Part['parameters'], name: string): string =>
  (parameters.find(([one]) => one === name)?.[1] ?? '').slice(0, 200).toLowerCase();

function partWords({ type, subtype, parameters, disposition }: Part): string[] {
  const charset = parameterOf(parameters, 'charset');
  const name = parameterOf(disposition?.parameters ?? [], 'filename') || parameterOf(parameters, 'name');
  const extension = /\.([a-z0-9]{1,10})$/.exec(name)?.[1];
  return [
    `type:${type}/${subtype}`.slice(0, 60),
    ...(charset === '' ? [] : [`charset:${charset.slice(0, 40)}`]),
    ...(extension === undefined ? [] : [`file:${extension}`]),
  ];
}

function textsOf(parts: readonly Part[], octets: Uint8Array): string[] {
  const texts: string[] = [];
  let left = MOST_TEXT;
  for (const part of parts) {
    if (part.type !== 'text' || left <= 0) continue;
    const end = Math.min(part.bodyEnd, part.bodyStart + 4 * left);
    const text = decodedText(part, octets.subarray(part.bodyStart, end)).slice(0, left);
    left -= text.length;
    texts.push(text);
  }
  return texts;
}

function linkWords(text: string): string[] {
  const words: string[] = [];
  for (const [, host = ''] of text.matchAll(/https?:\/\/(?:[^\s/@"'<>]{1,100}@)?([\p{L}\p{N}.-]{1,100})/giu)) {
    words.push(...domainsOf(host).map((domain) => `link:${domain}`));
    if (words.length >= 2 * MOST_LINKS) break;
  }
  return words;
}

/** 32 bits, the same everywhere: what was learned is kept by these numbers alone. */
function numberOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at += 1) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
